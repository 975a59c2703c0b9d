wildcard_constraints:
    number=r"\d+",


rule join_base:
    input:
        materials=wf.bases.materials,
        splits=wf.bases.splits,
    output:
        joint=paths.BASE_JOINT,
        report=paths.BASE_JOINT_REPORT,
        record=paths.BASE_JOINT_RECORD,
    log:
        paths.log("join_base", "{base}"),
    benchmark:
        paths.benchmark("join_base", "{base}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=wf.bases.joint_cfg,
        datasets=wf.bases.join_datasets,
        code=wf.code("join_base.py"),
    script:
        "../../scripts/join_base.py"


rule featurize_base:
    input:
        joint=wf.bases.joint,
    output:
        features=paths.BASE_FEATURES,
        rejected=paths.BASE_FEATURES_REJECTED,
        record=paths.BASE_FEATURES_RECORD,
    log:
        paths.log("featurize_base", "{base}/{part}"),
    benchmark:
        paths.benchmark("featurize_base", "{base}/{part}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=120,
    params:
        cfg=wf.bases.features_cfg,
        code=wf.bases.features_code,
    script:
        "../../scripts/featurize_base.py"


rule train_base:
    input:
        rows=wf.bases.network_rows,
        first=wf.bases.network_first,
    output:
        network=paths.BASE_NETWORK,
        record=paths.BASE_NETWORK_RECORD,
    log:
        paths.log("train_base", "{base}/network-{number}"),
    benchmark:
        paths.benchmark("train_base", "{base}/network-{number}")
    conda:
        "../../envs/environment.yaml"
    # One thread, whatever --cores says: sums in another order would give other numbers.
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=600,
    params:
        cfg=wf.bases.network_cfg,
        code=wf.code("train_base.py"),
        checkpoint=paths.BASE_CHECKPOINT,
    script:
        "../../scripts/train_base.py"


rule write_base:
    input:
        rows=wf.bases.file_rows,
        networks=wf.bases.file_networks,
        references=wf.published(paths.REFERENCES),
    output:
        base=paths.BASE_FILE,
        card=paths.BASE_CARD,
        errors=paths.BASE_ERRORS,
        record=paths.BASE_FILE_RECORD,
    log:
        paths.log("write_base", "{base}"),
    benchmark:
        paths.benchmark("write_base", "{base}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=60,
    params:
        cfg=wf.bases.file_cfg,
        code=wf.code("write_base.py"),
    script:
        "../../scripts/write_base.py"
