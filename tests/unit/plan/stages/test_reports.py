"""Files behind tables and figures for plain wildcards."""

from types import SimpleNamespace

from elemflow.config.kinds import TABLES


def test_tables_and_figures_name_the_files_behind_them(wf):
    for study, table in wf.plan.tables:
        job = SimpleNamespace(study=study, table=table)
        assert wf.reports.table(job)["kind"] in TABLES
        assert all(path.endswith("/metrics.json") for path in wf.reports.table_metrics(job))
        assert wf.reports.table_curation(job)
    for study, figure in wf.plan.figures:
        job = SimpleNamespace(study=study, figure=figure)
        assert all(path.startswith("results/runs/") for path in wf.reports.figure_runs(job))
