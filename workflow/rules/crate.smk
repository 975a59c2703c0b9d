rule make_crate:
    input:
        runs=get_crate_runs,
        products=get_crate_products,
        manifests=get_crate_manifests,
    output:
        crate=directory("results/crate/{study}"),
    log:
        "results/logs/make_crate/{study}.log",
    benchmark:
        "results/benchmarks/make_crate/{study}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        cfg=get_crate_cfg,
        code=get_code("make_crate.py"),
    script:
        "../../scripts/make_crate.py"


rule collect_crates:
    input:
        expand("results/crate/{study}", study=SETTINGS.selected),
    output:
        "results/crate/all",
    log:
        "results/logs/collect_crates.log",
    benchmark:
        "results/benchmarks/collect_crates.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={},
        code=get_code("collect_crates.py"),
    script:
        "../../scripts/collect_crates.py"
