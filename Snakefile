import os

from snakemake.utils import min_version

min_version("9.27")


# That of the folder Snakemake works in, or the one that ships. Skipped where a module statement hands in its `config`.
shipped = workflow.current_basedir.join("config/config.yaml")


include: "workflow/syntax.smk"


configfile: readable("config/config.yaml") if os.path.exists("config/config.yaml") else shipped.path


report: "workflow/report/workflow.rst"


include: "workflow/common.smk"
include: "workflow/rules/retrieve.smk"
include: "workflow/rules/curate.smk"
include: "workflow/rules/featurize.smk"
include: "workflow/rules/split.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/base.smk"
include: "workflow/rules/stability.smk"
include: "workflow/rules/interpret.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/costs.smk"
include: "workflow/rules/site.smk"
include: "workflow/rules/crate.smk"
include: "workflow/rules/record.smk"


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
    write_croissant,
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
    update_record,


rule all:
    input:
        wf.everything(),


onstart:
    check_results()
    write_packing_plan()
    write_published()
    follow_progress()


onsuccess:
    check_contents()


onerror:
    print(describe_failures(workflow.scheduler.failed), file=sys.stderr)
    print(wf.out_of_date(workflow.dag.jobs), file=sys.stderr)


rule mirror:
    input:
        wf.raw(),


rule data:
    input:
        wf.datasets(),


rule features:
    input:
        wf.feature_files(),


rule splits:
    input:
        wf.split_files(),


rule runs:
    input:
        wf.metrics(),


rule tables:
    input:
        paths.ALL_TABLES,
        wf.reports.bibliographies(),


rule figures:
    input:
        paths.ALL_FIGURES,


rule claims:
    input:
        wf.reports.all_claims(),
