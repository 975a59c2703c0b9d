rule split_dataset:
    input:
        materials=wf.splits.materials,
        given=wf.splits.given,
        target_split=wf.splits.target_split,
        target_materials=wf.splits.target_materials,
    output:
        split=paths.SPLIT,
        record=paths.SPLIT_RECORD,
    log:
        paths.log("split_dataset", "{dataset}/{property}/{protocol}"),
    benchmark:
        paths.benchmark("split_dataset", "{dataset}/{property}/{protocol}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=wf.splits.cfg,
        code=wf.code("split_dataset.py"),
    script:
        "../../scripts/split_dataset.py"
