rule make_cost_table:
    input:
        paths.ALL_TABLES,
        paths.ALL_FIGURES,
    output:
        csv=paths.COSTS,
        html=report(
            paths.COSTS_PAGE,
            caption="../report/costs.rst",
            category="All studies",
            labels={"item": "costs", "kind": "table"},
        ),
    log:
        paths.log("make_cost_table"),
    benchmark:
        paths.benchmark("make_cost_table")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.reports.runs_by_study,
        code=wf.code("make_cost_table.py"),
    script:
        "../../scripts/make_cost_table.py"


rule forecast_costs:
    input:
        rates=wf.shipped(paths.RATES),
    output:
        tsv=paths.FORECAST,
    log:
        paths.log("forecast_costs"),
    benchmark:
        paths.benchmark("forecast_costs")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.reports.forecast,
        code=wf.code("forecast_costs.py"),
    script:
        "../../scripts/forecast_costs.py"
