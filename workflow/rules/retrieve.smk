rule retrieve_dataset:
    input:
        wf.sources.local_table,
    output:
        manifest=paths.MANIFEST,
    log:
        paths.log("retrieve_dataset", "{dataset}"),
    benchmark:
        paths.benchmark("retrieve_dataset", "{dataset}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        # Databases that answer page by page take hours; each attempt goes on after the pages that have arrived.
        runtime=growing(480),
    params:
        cfg=wf.sources.cfg,
        code=wf.sources.code,
    script:
        "../../scripts/retrieve_dataset.py"
