rule train_model:
    input:
        features=get_features,
        materials="results/datasets/{dataset}/materials.parquet",
        split="results/splits/{dataset}/{property}/{protocol}.parquet",
        pretrained=get_pretrained,
    output:
        predictions=f"results/runs/{RUN}/predictions.parquet",
        history=f"results/runs/{RUN}/history.parquet",
        run_info=f"results/runs/{RUN}/run_info.json",
        model=directory(f"results/runs/{RUN}/model"),
    log:
        f"results/logs/train_model/{RUN}.log",
    benchmark:
        f"results/benchmarks/train_model/{RUN}.tsv"
    conda:
        "../../envs/environment.yaml"
    # One thread, whatever --cores says: sums in another order would give other numbers.
    threads: 1
    resources:
        mem_mb=get_training_memory,
        runtime=get_training_minutes,
        gpu=get_gpus,
    params:
        cfg=get_run_cfg,
        code=get_training_code,
        checkpoints=f"results/checkpoints/{RUN}",
    script:
        "../../scripts/train_model.py"


rule evaluate_run:
    input:
        predictions=f"results/runs/{RUN}/predictions.parquet",
    output:
        metrics=f"results/runs/{RUN}/metrics.json",
    log:
        f"results/logs/evaluate_run/{RUN}.log",
    benchmark:
        f"results/benchmarks/evaluate_run/{RUN}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cfg=get_evaluation_cfg,
        code=get_code("evaluate_run.py"),
    script:
        "../../scripts/evaluate_run.py"


rule assess_applicability:
    input:
        features=get_features,
        materials="results/datasets/{dataset}/materials.parquet",
        split="results/splits/{dataset}/{property}/{protocol}.parquet",
    output:
        applicability=f"results/runs/{RUN}/applicability.parquet",
    log:
        f"results/logs/assess_applicability/{RUN}.log",
    benchmark:
        f"results/benchmarks/assess_applicability/{RUN}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=get_training_memory,
        runtime=60,
    params:
        cfg=get_applicability_cfg,
        code=get_code("assess_applicability.py"),
    script:
        "../../scripts/assess_applicability.py"
