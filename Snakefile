from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/common.smk"
include: "workflow/rules/retrieve.smk"
include: "workflow/rules/curate.smk"
include: "workflow/rules/featurize.smk"
include: "workflow/rules/split.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/interpret.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/costs.smk"
include: "workflow/rules/crate.smk"


localrules:
    all,
    mirror,
    data,
    features,
    splits,
    runs,
    tables,
    figures,
    claims,
    describe_dataset,
    write_plan,
    write_bibliography,
    collect_tables,
    write_claims,
    collect_claims,
    collect_figures,
    make_cost_table,
    forecast_costs,
    make_crate,
    collect_crates,


rule all:
    input:
        "results/plan/runs.tsv",
        "results/tables/all",
        "results/figures/all",
        "results/plan/costs.html",
        get_all_bibliographies(),
        get_source_metrics(),
        get_all_claims(),


onstart:
    write_packing_plan()


onerror:
    print(describe_failures(workflow.scheduler.failed), file=sys.stderr)


rule mirror:
    input:
        get_all_raw(),


rule data:
    input:
        get_all_datasets(),


rule features:
    input:
        get_all_features(),


rule splits:
    input:
        get_all_splits(),


rule runs:
    input:
        get_all_runs("metrics.json"),


rule tables:
    input:
        "results/tables/all",
        get_all_bibliographies(),


rule figures:
    input:
        "results/figures/all",


rule claims:
    input:
        get_all_claims(),
