rule curate_dataset:
    input:
        manifest="resources/raw/{dataset}/manifest.json",
    output:
        entries="results/datasets/{dataset}/entries.parquet",
        materials="results/datasets/{dataset}/materials.parquet",
        rejected="results/datasets/{dataset}/rejected.parquet",
        funnel="results/datasets/{dataset}/curation.json",
    log:
        "results/logs/curate_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/curate_dataset/{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        cfg=get_curation_cfg,
        code=get_curation_code,
    script:
        "../../scripts/curate_dataset.py"
