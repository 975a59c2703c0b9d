rule write_site:
    input:
        files=wf.site.files,
        runs=wf.site.run_files,
    output:
        index=paths.SITE,
        pages=directory(paths.SITE_PAGES),
    log:
        paths.log("write_site"),
    benchmark:
        paths.benchmark("write_site")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=60,
    params:
        cfg=wf.site.parameters,
        code=wf.reports.tables_code("write_site.py"),
    script:
        "../../scripts/write_site.py"
