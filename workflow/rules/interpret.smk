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
