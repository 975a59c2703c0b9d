rule write_plan:
    output:
        runs=paths.PLAN,
    log:
        paths.log("write_plan"),
    benchmark:
        paths.benchmark("write_plan")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.reports.plan_rows,
        code=wf.code("write_plan.py"),
    script:
        "../../scripts/write_plan.py"


rule make_table:
    input:
        metrics=wf.reports.table_metrics,
        files=wf.reports.table_files,
        curation=wf.reports.table_curation,
        about=wf.reports.table_about,
    output:
        text=paths.TABLE,
        csv=f"{paths.TABLE}.csv",
        md=f"{paths.TABLE}.md",
        tex=f"{paths.TABLE}.tex",
        html=report(
            f"{paths.TABLE}.html",
            caption="../report/table.rst",
            category=wf.reports.study_title,
            labels={"item": "{table}", "kind": "table"},
        ),
    log:
        paths.log("make_table", "{study}/{table}"),
    benchmark:
        paths.benchmark("make_table", "{study}/{table}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=wf.reports.table,
        code=wf.reports.table_code,
    script:
        "../../scripts/make_table.py"


rule write_bibliography:
    input:
        references=wf.published(paths.REFERENCES),
    output:
        bib=paths.BIBLIOGRAPHY,
        cff=paths.CITATION,
    log:
        paths.log("write_bibliography", "{study}"),
    benchmark:
        paths.benchmark("write_bibliography", "{study}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.reports.bibliography,
        code=wf.code("write_bibliography.py"),
    script:
        "../../scripts/write_bibliography.py"


rule collect_tables:
    input:
        csv=wf.reports.tables(".csv"),
        html=wf.reports.tables(".html"),
    output:
        report(
            directory(paths.ALL_TABLES),
            htmlindex="index.html",
            caption="../report/tables.rst",
            category="All studies",
            labels={"item": "all tables", "kind": "table"},
        ),
    log:
        paths.log("collect_tables"),
    benchmark:
        paths.benchmark("collect_tables")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={"tables": list(wf.plan.tables.values())},
        code=wf.reports.tables_code("collect_tables.py"),
    script:
        "../../scripts/collect_tables.py"
