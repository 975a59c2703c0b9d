rule permute_inputs:
    input:
        features=get_features,
        predictions=f"results/runs/{RUN}/predictions.parquet",
        run_info=f"results/runs/{RUN}/run_info.json",
        model=f"results/runs/{RUN}/model",
    output:
        importance=f"results/runs/{RUN}/importance.csv",
    log:
        f"results/logs/permute_inputs/{RUN}.log",
    benchmark:
        f"results/benchmarks/permute_inputs/{RUN}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=480,
    params:
        # Ten permutations as in huang2020; 5,000 materials give an increase to about a hundredth of the error.
        cfg={"repeats": 10, "rows": 5000},
        code=get_importance_code,
    script:
        "../../scripts/permute_inputs.py"


rule rank_candidates:
    input:
        candidates="results/datasets/{candidates}/materials.parquet",
        features=get_candidate_features,
        known="results/datasets/{dataset}/materials.parquet",
        split="results/splits/{dataset}/{property}/{protocol}.parquet",
        run_info=f"results/runs/{RUN}/run_info.json",
        model=f"results/runs/{RUN}/model",
        pretrained=get_pretrained,
    output:
        csv=f"results/candidates/{{candidates}}/{RUN}/ranked.csv",
        md=f"results/candidates/{{candidates}}/{RUN}/ranked.md",
        html=f"results/candidates/{{candidates}}/{RUN}/ranked.html",
        score=f"results/candidates/{{candidates}}/{RUN}/score.json",
    log:
        f"results/logs/rank_candidates/{{candidates}}/{RUN}.log",
    benchmark:
        f"results/benchmarks/rank_candidates/{{candidates}}/{RUN}.tsv"
    wildcard_constraints:
        candidates=one_of(SETTINGS.datasets),
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=120,
    params:
        cfg=get_candidates_cfg,
        code=get_candidates_code,
    script:
        "../../scripts/rank_candidates.py"
