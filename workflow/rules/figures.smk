rule plot_figure:
    input:
        runs=wf.reports.figure_runs,
        materials=wf.reports.figure_materials,
        splits=wf.reports.figure_splits,
        curation=wf.reports.figure_curation,
        about=wf.reports.figure_about,
    output:
        text=paths.FIGURE,
        png=f"{paths.FIGURE}.png",
        svg=report(
            f"{paths.FIGURE}.svg",
            caption="../report/figure.rst",
            category=wf.reports.study_title,
            labels={"item": "{figure}", "kind": "figure"},
        ),
        csv=f"{paths.FIGURE}.csv",
    log:
        paths.log("plot_figure", "{study}/{figure}"),
    benchmark:
        paths.benchmark("plot_figure", "{study}/{figure}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=wf.reports.figure,
        code=wf.reports.figure_code,
    script:
        "../../scripts/plot_figure.py"


rule collect_figures:
    input:
        png=wf.reports.figures(".png"),
        svg=wf.reports.figures(".svg"),
        csv=wf.reports.figures(".csv"),
        text=wf.reports.figures(),
    output:
        report(
            directory(paths.ALL_FIGURES),
            htmlindex="index.html",
            caption="../report/figures.rst",
            category="All studies",
            labels={"item": "all figures", "kind": "figure"},
        ),
    log:
        paths.log("collect_figures"),
    benchmark:
        paths.benchmark("collect_figures")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={"figures": list(wf.plan.figures.values())},
        code=wf.code("collect_figures.py"),
    script:
        "../../scripts/collect_figures.py"
