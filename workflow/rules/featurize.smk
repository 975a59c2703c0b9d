scattergather:
    chunks=SETTINGS.chunks,


rule featurize_chunk:
    input:
        materials="results/datasets/{dataset}/materials.parquet",
    output:
        features=temp("results/features/{dataset}/{part}/{scatteritem}.parquet"),
        rejected=temp("results/features/{dataset}/{part}/{scatteritem}.rejected.parquet"),
    log:
        "results/logs/featurize_chunk/{dataset}/{part}/{scatteritem}.log",
    benchmark:
        "results/benchmarks/featurize_chunk/{dataset}/{part}/{scatteritem}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=240,
    params:
        cfg=get_chunk_cfg,
        code=get_features_code,
    script:
        "../../scripts/featurize_chunk.py"


rule featurize_dataset:
    input:
        features=gather.chunks("results/features/{{dataset}}/{{part}}/{scatteritem}.parquet"),
        rejected=gather.chunks("results/features/{{dataset}}/{{part}}/{scatteritem}.rejected.parquet"),
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
        mem_mb=growing(4000),
        runtime=60,
    params:
        cfg={},
        code=get_code("featurize_dataset.py"),
    script:
        "../../scripts/featurize_dataset.py"
