rule update_record:
    input:
        wf.record.files,
    output:
        csv=paths.RECORD_UPDATE,
    log:
        paths.log("update_record"),
    benchmark:
        paths.benchmark("update_record")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.record.cfg,
        code=wf.reports.tables_code("update_record.py"),
    script:
        "../../scripts/update_record.py"
