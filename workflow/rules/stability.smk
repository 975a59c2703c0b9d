rule build_hull:
    input:
        materials=wf.stability.hull_materials,
    output:
        hull=paths.HULL,
        record=paths.HULL_RECORD,
    log:
        paths.log("build_hull", "{dataset}/{property}"),
    benchmark:
        paths.benchmark("build_hull", "{dataset}/{property}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=wf.stability.hull_cfg,
        code=wf.code("build_hull.py"),
    script:
        "../../scripts/build_hull.py"


rule assess_stability:
    input:
        files=wf.stability.inputs,
        nested=wf.stability.nested,
    output:
        table=paths.STABILITY,
        report=paths.STABILITY_REPORT,
        record=paths.STABILITY_RECORD,
    log:
        paths.log("assess_stability", RUN),
    benchmark:
        paths.benchmark("assess_stability", RUN)
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=60,
    params:
        cfg=wf.stability.cfg,
        code=wf.code("assess_stability.py"),
    script:
        "../../scripts/assess_stability.py"


rule fit_hull_trees:
    input:
        hull=paths.HULL,
    output:
        trees=paths.HULL_TREES,
    log:
        paths.log("fit_hull_trees", "{dataset}/{property}"),
    benchmark:
        paths.benchmark("fit_hull_trees", "{dataset}/{property}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=wf.stability.hull_cfg,
        code=wf.code("fit_hull_trees.py"),
    script:
        "../../scripts/fit_hull_trees.py"


rule fit_second_stage:
    input:
        hull=paths.HULL,
        table=paths.STABILITY,
    output:
        trees=paths.SECOND_STAGE,
    log:
        paths.log("fit_second_stage", RUN),
    benchmark:
        paths.benchmark("fit_second_stage", RUN)
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=wf.stability.cfg,
        code=wf.code("fit_second_stage.py"),
    script:
        "../../scripts/fit_second_stage.py"
