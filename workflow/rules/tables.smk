rule write_plan:
    output:
        runs="results/plan/runs.tsv",
    log:
        "results/logs/write_plan.log",
    benchmark:
        "results/benchmarks/write_plan.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={"rows": list(PLAN.rows())},
        code=get_code("write_plan.py"),
    script:
        "../../scripts/write_plan.py"


rule make_table:
    input:
        metrics=get_table_metrics,
        files=get_table_files,
        curation=get_table_curation,
    output:
        text="results/tables/{study}/{table}",
        csv="results/tables/{study}/{table}.csv",
        md="results/tables/{study}/{table}.md",
        tex="results/tables/{study}/{table}.tex",
        html=report(
            "results/tables/{study}/{table}.html",
            caption="../report/table.rst",
            category=get_study_title,
            labels={"item": "{table}", "kind": "table"},
        ),
    log:
        "results/logs/make_table/{study}/{table}.log",
    benchmark:
        "results/benchmarks/make_table/{study}/{table}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=get_table,
        code=get_table_code,
    script:
        "../../scripts/make_table.py"


rule write_bibliography:
    input:
        references="resources/published/references.bib",
    output:
        bib="results/tables/{study}/references.bib",
    log:
        "results/logs/write_bibliography/{study}.log",
    benchmark:
        "results/benchmarks/write_bibliography/{study}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=get_bibliography_cfg,
        code=get_code("write_bibliography.py"),
    script:
        "../../scripts/write_bibliography.py"


rule collect_tables:
    input:
        csv=get_all_tables(".csv"),
        html=get_all_tables(".html"),
    output:
        report(
            directory("results/tables/all"),
            htmlindex="index.html",
            caption="../report/tables.rst",
            category="All studies",
            labels={"item": "all tables", "kind": "table"},
        ),
    log:
        "results/logs/collect_tables.log",
    benchmark:
        "results/benchmarks/collect_tables.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={"tables": list(PLAN.tables.values())},
        code=get_code("collect_tables.py", *TABLES.values()),
    script:
        "../../scripts/collect_tables.py"
