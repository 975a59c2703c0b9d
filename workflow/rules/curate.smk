rule describe_dataset:
    output:
        about=paths.ABOUT,
    log:
        paths.log("describe_dataset", "{dataset}"),
    benchmark:
        paths.benchmark("describe_dataset", "{dataset}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.curation.texts,
        code=wf.code("describe_dataset.py"),
    script:
        "../../scripts/describe_dataset.py"


rule curate_dataset:
    input:
        manifest=wf.curation.manifest,
    output:
        entries=paths.ENTRIES,
        materials=paths.MATERIALS,
        rejected=paths.REJECTED,
        funnel=paths.CURATION,
        record=paths.MATERIALS_RECORD,
    log:
        paths.log("curate_dataset", "{dataset}"),
    benchmark:
        paths.benchmark("curate_dataset", "{dataset}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        cfg=wf.curation.cfg,
        code=wf.curation.code,
    script:
        "../../scripts/curate_dataset.py"
