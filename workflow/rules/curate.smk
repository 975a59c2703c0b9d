rule describe_dataset:
    output:
        about="results/datasets/{dataset}/about.json",
    log:
        "results/logs/describe_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/describe_dataset/{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=get_dataset_texts,
        code=get_code("describe_dataset.py"),
    script:
        "../../scripts/describe_dataset.py"


rule curate_dataset:
    input:
        manifest="resources/raw/{dataset}/manifest.json",
        # For whoever asks where a number comes from; a reworded licence is no reason to curate, and to train, anew.
        about=ancient("results/datasets/{dataset}/about.json"),
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
