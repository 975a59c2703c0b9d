rule split_dataset:
    input:
        materials="results/datasets/{dataset}/materials.parquet",
        given=get_split_file,
    output:
        split="results/splits/{dataset}/{property}/{protocol}.parquet",
    log:
        "results/logs/split_dataset/{dataset}/{property}/{protocol}.log",
    benchmark:
        "results/benchmarks/split_dataset/{dataset}/{property}/{protocol}.tsv"
    wildcard_constraints:
        protocol=one_of(set(SETTINGS.protocols) - SUBSET_PROTOCOLS),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=get_split_cfg,
        code=get_code("split_dataset.py"),
    script:
        "../../scripts/split_dataset.py"


rule split_source:
    input:
        unpack(get_target_files),
        materials="results/datasets/{dataset}/materials.parquet",
    output:
        split="results/splits/{dataset}/{property}/{protocol}.parquet",
    log:
        "results/logs/split_source/{dataset}/{property}/{protocol}.log",
    benchmark:
        "results/benchmarks/split_source/{dataset}/{property}/{protocol}.tsv"
    wildcard_constraints:
        protocol=SOURCE_PROTOCOL,
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=get_split_cfg,
        code=get_code("split_source.py"),
    script:
        "../../scripts/split_source.py"


rule subset_split:
    input:
        materials="results/datasets/{dataset}/materials.parquet",
    output:
        split="results/splits/{dataset}/{property}/{protocol}.parquet",
    log:
        "results/logs/subset_split/{dataset}/{property}/{protocol}.log",
    benchmark:
        "results/benchmarks/subset_split/{dataset}/{property}/{protocol}.tsv"
    wildcard_constraints:
        protocol=one_of(SUBSET_PROTOCOLS),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=get_subset_cfg,
        code=get_code("subset_split.py"),
    script:
        "../../scripts/subset_split.py"
