rule train_model:
    input:
        features=wf.training.features,
        materials=wf.training.materials,
        split=wf.training.split,
        pretrained=wf.training.pretrained,
        base=wf.training.base,
    output:
        predictions=paths.PREDICTIONS,
        history=paths.HISTORY,
        run_info=paths.RUN_INFO,
        model=directory(paths.MODEL),
        record=paths.RUN_RECORD,
    log:
        paths.log("train_model", RUN),
    benchmark:
        paths.benchmark("train_model", RUN)
    conda:
        "../../envs/environment.yaml"
    # One thread, whatever --cores says: sums in another order would give other numbers.
    threads: 1
    resources:
        mem_mb=wf.training.memory_mb,
        runtime=wf.training.minutes,
        gpu=wf.training.gpus,
    params:
        cfg=wf.training.cfg,
        code=wf.training.code,
        checkpoints=paths.CHECKPOINTS,
    script:
        "../../scripts/train_model.py"


rule evaluate_run:
    input:
        predictions=wf.evaluation.predictions,
    output:
        metrics=paths.METRICS,
        record=paths.METRICS_RECORD,
    log:
        paths.log("evaluate_run", RUN),
    benchmark:
        paths.benchmark("evaluate_run", RUN)
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cfg=wf.evaluation.cfg,
        code=wf.code("evaluate_run.py"),
    script:
        "../../scripts/evaluate_run.py"


rule assess_applicability:
    input:
        features=wf.evaluation.applicability_features,
        materials=wf.evaluation.applicability_materials,
        split=wf.evaluation.applicability_split,
    output:
        applicability=paths.APPLICABILITY,
        record=paths.APPLICABILITY_RECORD,
    log:
        paths.log("assess_applicability", RUN),
    benchmark:
        paths.benchmark("assess_applicability", RUN)
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=wf.training.memory_mb,
        runtime=60,
    params:
        cfg=wf.evaluation.applicability_cfg,
        code=wf.code("assess_applicability.py"),
    script:
        "../../scripts/assess_applicability.py"
