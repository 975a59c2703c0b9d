rule featurize_dataset:
    input:
        materials="results/datasets/{dataset}/materials.parquet",
    output:
        features="results/features/{dataset}/{part}.parquet",
        rejected="results/features/{dataset}/{part}.rejected.parquet",
    log:
        "results/logs/featurize_dataset/{dataset}/{part}.log",
    benchmark:
        "results/benchmarks/featurize_dataset/{dataset}/{part}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        cfg=get_features_cfg,
        code=get_features_code,
    script:
        "../../scripts/featurize_dataset.py"
