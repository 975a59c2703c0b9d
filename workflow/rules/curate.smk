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


rule write_croissant:
    input:
        about=paths.ABOUT,
        funnel=paths.CURATION,
        materials=paths.MATERIALS,
        manifest=paths.MANIFEST,
        references=wf.published(paths.REFERENCES),
    output:
        croissant=paths.CROISSANT,
    log:
        paths.log("write_croissant", "{dataset}"),
    benchmark:
        paths.benchmark("write_croissant", "{dataset}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.curation.titles,
        code=wf.code("write_croissant.py"),
    script:
        "../../scripts/write_croissant.py"
