rule plot_figure:
    input:
        runs=get_figure_runs,
        materials=get_figure_materials,
        splits=get_figure_splits,
        curation=get_figure_curation,
    output:
        text="results/figures/{study}/{figure}",
        png="results/figures/{study}/{figure}.png",
        svg=report(
            "results/figures/{study}/{figure}.svg",
            caption="../report/figure.rst",
            category=get_study_title,
            labels={"item": "{figure}", "kind": "figure"},
        ),
        csv="results/figures/{study}/{figure}.csv",
    log:
        "results/logs/plot_figure/{study}/{figure}.log",
    benchmark:
        "results/benchmarks/plot_figure/{study}/{figure}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        cfg=get_figure,
        code=get_figure_code,
    script:
        "../../scripts/plot_figure.py"


rule collect_figures:
    input:
        png=get_all_figures(".png"),
        svg=get_all_figures(".svg"),
        csv=get_all_figures(".csv"),
        text=get_all_figures(),
    output:
        report(
            directory("results/figures/all"),
            htmlindex="index.html",
            caption="../report/figures.rst",
            category="All studies",
            labels={"item": "all figures", "kind": "figure"},
        ),
    log:
        "results/logs/collect_figures.log",
    benchmark:
        "results/benchmarks/collect_figures.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={"figures": list(PLAN.figures.values())},
        code=get_code("collect_figures.py"),
    script:
        "../../scripts/collect_figures.py"
