rule featurize_chunk:
    input:
        materials=wf.features.materials,
    output:
        features=temp(paths.CHUNK),
        rejected=temp(paths.CHUNK_REJECTED),
    log:
        paths.log("featurize_chunk", "{dataset}/{part}/{scatteritem}"),
    benchmark:
        paths.benchmark("featurize_chunk", "{dataset}/{part}/{scatteritem}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=240,
    params:
        cfg=wf.features.chunk_cfg,
        code=wf.features.code,
    script:
        "../../scripts/featurize_chunk.py"


rule featurize_dataset:
    input:
        features=wf.features.chunks(paths.CHUNK),
        rejected=wf.features.chunks(paths.CHUNK_REJECTED),
        materials=wf.features.materials,
    output:
        features=paths.FEATURES,
        rejected=paths.FEATURES_REJECTED,
        record=paths.FEATURES_RECORD,
    log:
        paths.log("featurize_dataset", "{dataset}/{part}"),
    benchmark:
        paths.benchmark("featurize_dataset", "{dataset}/{part}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=60,
    params:
        cfg={},
        code=wf.code("featurize_dataset.py"),
    script:
        "../../scripts/featurize_dataset.py"
