rule permute_inputs:
    input:
        features=wf.inference.features,
        predictions=wf.inference.predictions,
        model=wf.inference.model,
    output:
        importance=paths.IMPORTANCE,
        record=paths.IMPORTANCE_RECORD,
    log:
        paths.log("permute_inputs", RUN),
    benchmark:
        paths.benchmark("permute_inputs", RUN)
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=480,
    params:
        cfg=wf.inference.importance_cfg,
        code=wf.inference.importance_code,
    script:
        "../../scripts/permute_inputs.py"


rule rank_candidates:
    input:
        candidates=paths.MATERIALS.format(dataset="{candidates}"),
        features=wf.inference.candidate_features,
        known=paths.MATERIALS,
        split=paths.SPLIT,
        run_info=paths.RUN_INFO,
        model=paths.MODEL,
        pretrained=wf.training.pretrained,
    output:
        csv=f"{paths.CANDIDATES}/ranked.csv",
        md=f"{paths.CANDIDATES}/ranked.md",
        html=f"{paths.CANDIDATES}/ranked.html",
        score=f"{paths.CANDIDATES}/score.json",
    log:
        paths.log("rank_candidates", f"{{candidates}}/{RUN}"),
    benchmark:
        paths.benchmark("rank_candidates", f"{{candidates}}/{RUN}")
    wildcard_constraints:
        candidates=wf.constraints["dataset"],
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=120,
    params:
        cfg=wf.inference.candidates_cfg,
        code=wf.inference.candidates_code,
    script:
        "../../scripts/rank_candidates.py"
