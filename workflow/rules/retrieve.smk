rule retrieve_dataset:
    input:
        get_local_table,
    output:
        manifest="resources/raw/{dataset}/manifest.json",
    log:
        "results/logs/retrieve_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/retrieve_dataset/{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=240,
    params:
        cfg=get_source_cfg,
        code=get_source_code,
    script:
        "../../scripts/retrieve_dataset.py"
