rule make_cost_table:
    input:
        "results/tables/all",
        "results/figures/all",
    output:
        csv="results/plan/costs.csv",
        html=report(
            "results/plan/costs.html",
            caption="../report/costs.rst",
            category="All studies",
            labels={"item": "costs", "kind": "table"},
        ),
    log:
        "results/logs/make_cost_table.log",
    benchmark:
        "results/benchmarks/make_cost_table.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={"studies": get_runs_by_study()},
        code=get_code("make_cost_table.py"),
    script:
        "../../scripts/make_cost_table.py"


rule forecast_costs:
    input:
        rates="resources/rates.csv",
    output:
        tsv="results/plan/cost.tsv",
    log:
        "results/logs/forecast_costs.log",
    benchmark:
        "results/benchmarks/forecast_costs.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=get_forecast_cfg,
        code=get_code("forecast_costs.py"),
    script:
        "../../scripts/forecast_costs.py"
