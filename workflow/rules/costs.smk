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
