"""A small site with everything that a page can show."""

from pathlib import Path

from elemflow.core.files import read_json, write_json
from elemflow.plan.site import SiteInputs
from elemflow.reporting.figures.build import write_figure
from elemflow.reporting.site.build import write_site
from elemflow.reporting.tables.kinds.errors import BUILDER
from factories.reporting import make_figure, make_table, name_run, place, planned, write_run

TITLE = 'Tables <of> "A" & B\'s'
COSTS = """kind,name,jobs,hours,cpu_hours,cpu_not_measured,gpu_hours,peak_memory_mb,queue_hours
rule,train_model,2,11.5,9.25,0,0.0,900.5,
rule,make_table,10,0.01,0.009,0,0.0,90.5,
study,a_study,2,11.5,9.25,0,0.0,900.5,
"""
COVERAGE = """study,table,printed,recorded,reproduced,not_reproduced,undecided,other_data,other_quantity,no_data,hours_at_least,hours_at_most,reasons
a_study,T5,4,3,1,1,1,0,0,1,0.25,0.5,<no> source has them
a_study,T6,1207,0,0,0,0,0,0,0,12.4,1234.6,
b_study,TII,8,3,0,0,0,1,2,0,30.1,30.2,
all,,1219,6,1,1,1,1,2,1,40,1260,<no> source has them
"""
PUBLISHED = {"BRNet": "0.096", "BNet": "0.200", "Forest": "0.104", "Absent": "0.3"}
ERRORS = {"BRNet": [0.0959, 0.096, 0.0961], "BNet": [0.096, 0.0961, 0.0962], "Forest": [0.09, 0.1, 0.11]}
"""Reproduced, not reproduced and undecided; `Absent` has no run."""


def make_inputs(folder: Path) -> SiteInputs:
    """Write tables, figures, runs and costs of a study, and return what a site shows of them."""
    table = make_table(list(PUBLISHED), list(PUBLISHED.values())) | {"title": TITLE, "study": "a_study"}
    table["cells"] = [cell | {"published_source": "a_study T5"} for cell in table["cells"]]
    figure = make_figure("bars", list(ERRORS)) | {"title": TITLE, "study": "a_study"}
    runs = {name_run(model.lower()): folder / "runs" / name_run(model.lower()) for model in ERRORS}
    for model, errors in ERRORS.items():
        write_run(folder / "runs", name_run(model.lower()), errors, rows=400)
    info = runs[name_run("brnet")] / "run_info.json"
    facts = {
        "commit": "0123abcd",
        "versions": {"keras": "3"},
        "inputs_sha256": {"results/splits/kefe.parquet": "ab" * 32},
    }
    write_json(info, read_json(info) | facts | {"engine": {"name": "tensorflow", "device": "cpu"}})
    tables, figures = place(folder / "table", "table"), place(folder / "figure", "figure")
    BUILDER.write(planned(table), {run: path / "metrics.json" for run, path in runs.items()}, {}, tables)
    write_figure(planned(figure), runs, {}, figures)
    (folder / "costs.csv").write_text(COSTS)
    (folder / "coverage.csv").write_text(COVERAGE)
    about = {"study": "a_study", "title": TITLE, "reference": "A. Author, Journal (2023)"}
    return SiteInputs.model_validate(
        {
            "studies": [about],
            "tables": [{"planned": table, "csv": str(tables["csv"])}],
            "figures": [{"planned": figure, **{kind: str(figures[kind]) for kind in ("svg", "csv", "text")}}],
            "claims": [],
            "runs": [{"run": run, "folder": str(path), "studies": ["a_study"]} for run, path in runs.items()],
            "costs": str(folder / "costs.csv"),
            "coverage": str(folder / "coverage.csv"),
        }
    )


def make_site(folder: Path, inputs: SiteInputs) -> Path:
    """Write a site and return its overview."""
    write_site(inputs, folder / "index.html", folder / "pages")
    return folder / "index.html"
