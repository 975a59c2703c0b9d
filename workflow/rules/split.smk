rule split_dataset:
    input:
        materials=wf.splits.materials,
        given=wf.splits.given,
        fine_tuned=wf.splits.fine_tuned,
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
        code=wf.splits.code,
    script:
        "../../scripts/split_dataset.py"
