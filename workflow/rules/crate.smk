rule make_crate:
    input:
        runs=wf.reports.crate_runs,
        products=wf.reports.crate_products,
        manifests=wf.reports.crate_manifests,
    output:
        crate=directory(paths.CRATE),
    log:
        paths.log("make_crate", "{study}"),
    benchmark:
        paths.benchmark("make_crate", "{study}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        cfg=wf.reports.crate_cfg,
        code=wf.code("make_crate.py"),
    script:
        "../../scripts/make_crate.py"


rule collect_crates:
    input:
        expand(paths.CRATE, study=wf.settings.selected),
    output:
        paths.ALL_CRATES,
    log:
        paths.log("collect_crates"),
    benchmark:
        paths.benchmark("collect_crates")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={},
        code=wf.code("collect_crates.py"),
    script:
        "../../scripts/collect_crates.py"
