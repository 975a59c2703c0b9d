"""The whole way on a tiny real table: results, reruns, report, and what bad input does."""

import csv
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import time
import zipfile

import pytest
from factories.gated_network import Gate
from factories.tiny_project import TINY_SEED, TINY_STUDY

from elemflow.explain import explain

pytestmark = pytest.mark.workflow
RUN = "results/runs/tiny/seebeck/ef/tiny_brnet/tiny"


def hashes(project):
    """Hash every result that must not depend on the run: no logs, no times, no model archives."""
    found = {}
    for path in sorted((project.folder / "results").rglob("*")):
        name = str(path.relative_to(project.folder))
        volatile = "/logs/" in name or "/benchmarks/" in name or "/model/" in name or path.name == "run_info.json"
        if path.is_file() and not volatile and path.name != "history.parquet" and "/figures/" not in name:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_everything_asked_for_is_built(finished):
    results = finished.folder / "results"
    for suffix in ("", ".csv", ".md", ".tex", ".html"):
        assert (results / f"tables/tiny/errors{suffix}").is_file()
    for figure in ("parity", "curves", "bars", "cost", "element_errors", "elements"):
        for suffix in ("", ".svg", ".png", ".csv"):
            assert (results / f"figures/tiny/{figure}{suffix}").is_file()
    assert (results / "tables/all/index.html").is_file()
    assert (results / "figures/all/index.html").is_file()
    assert "The network errs less than the forest." in (results / "pages/studies/tiny.html").read_text()
    assert len(list((results / "pages/runs").glob("*.html"))) == 2
    assert "Tiny study" in (results / "index.html").read_text()
    for study in ("tiny", "all"):
        with (results / f"claims/{study}/claims.csv").open() as stream:
            (claim,) = csv.DictReader(stream)
        assert claim["verdict"] in ("holds", "does not hold", "undecided")


def test_one_csv_holds_every_cell(finished):
    with (finished.folder / "results/tables/all/cells.csv").open() as stream:
        cells = list(csv.DictReader(stream))
    assert [cell["model"] for cell in cells] == ["tiny_forest", "tiny_brnet"]
    assert all(cell["study"] == "tiny" and float(cell["reproduced"]) > 0 and cell["members"] == "2" for cell in cells)
    assert {cell["run"] for cell in cells} == {f"tiny/seebeck/ef/{m}/tiny" for m in ("tiny_forest", "tiny_brnet")}


def test_a_number_leads_back_to_the_raw_bytes(finished):
    info = json.loads((finished.folder / RUN / "run_info.json").read_text())
    named = json.dumps(info)
    for file in ("results/splits/tiny/seebeck/tiny.parquet", "results/features/tiny/ef.parquet"):
        assert hashlib.sha256((finished.folder / file).read_bytes()).hexdigest() in named
    manifest = json.loads((finished.folder / "resources/raw/tiny/manifest.json").read_text())
    raw = (finished.folder / "transport_sample.csv").read_bytes()
    assert manifest["files"][0]["sha256"] == hashlib.sha256(raw).hexdigest()


def test_a_cell_is_explained_from_files_alone(finished):
    shown = explain(finished.folder / "results/tables/tiny/errors.csv", ["", "brnet"])
    manifest = json.loads((finished.folder / "resources/raw/tiny/manifest.json").read_text())
    assert manifest["files"][0]["sha256"] in shown
    assert shown.count("(unchanged)") == 5
    assert "Nothing to draw" not in (finished.folder / "results/figures/tiny/elements").read_text()
    assert "tiny_brnet" in (finished.folder / "results/tables/all/tests.csv").read_text()


def test_plan_lists_the_runs(finished):
    lines = (finished.folder / "results/plan/runs.tsv").read_text().splitlines()
    assert len(lines) == 3
    assert (
        lines[1].split("\t")[-1]
        == "tiny/errors tiny/test tiny/parity tiny/curves tiny/bars tiny/cost tiny/element_errors"
    )


def test_costs_are_forecast_before_anything_is_retrieved(fresh):
    shown = fresh.run("results/plan/cost.tsv")
    assert "retrieve_dataset" not in shown
    with (fresh.folder / "results/plan/cost.tsv").open() as stream:
        study, total = csv.DictReader(stream, delimiter="\t")
    assert (study["name"], study["runs"], study["members"], study["networks"]) == ("tiny", "2", "4", "1")
    assert study["sizes"] == "0 curated, 0 printed, 1 guessed"
    assert float(total["cpu_hours_at_most"]) > 0


def test_costs_are_shown_per_rule_and_study(finished):
    with (finished.folder / "results/plan/costs.csv").open() as stream:
        lines = {line["name"]: line for line in csv.DictReader(stream)}
    assert (lines["train_model"]["jobs"], lines["tiny"]["jobs"]) == ("2", "4")
    assert float(lines["train_model"]["peak_memory_mb"]) > 100


def test_second_dry_run_is_empty(finished):
    assert "Nothing to be done" in finished.run("--dry-run")


def test_same_bytes_again_on_one_core(finished, fresh):
    fresh.run("--cores", "1", "results/tables/all")
    other = hashes(fresh)
    first = {name: value for name, value in hashes(finished).items() if name in other}
    assert len(other) > 10
    assert other == first


def test_report_holds_every_table_and_figure(copied):
    copied.run("--report", "report.zip")
    with zipfile.ZipFile(copied.folder / "report.zip") as archive:
        names = "\n".join(archive.namelist())
        page = archive.read(next(n for n in archive.namelist() if n.endswith("report.html"))).decode()
    assert "errors.html" in names
    assert "claims.csv" in names
    assert "parity.png" in names
    assert "a few materials" in page
    assert "System Message" not in page


def test_finished_runs_of_papers_enter_the_record(copied):
    copied.declare("studies/tatis2021", TINY_STUDY)  # as if a paper had it
    copied.edit("config/config.yaml", "record: keep", "record: update")
    for info in (copied.folder / "results/runs").rglob("run_info.json"):
        # A copy of the project is no repository.
        info.write_text(json.dumps(json.loads(info.read_text()) | {"commit": "0" * 40}))
    copied.run("results/plan/recorded.csv")
    with (copied.folder / "results/plan/recorded.csv").open() as stream:
        assert [line["state"] for line in csv.DictReader(stream)] == ["added", "added"]
    assert (copied.folder / "resources/record/tiny/seebeck/ef/tiny_brnet/tiny/predictions.parquet").is_file()
    assert copied.planned("--nolock", "results/plan/recorded.csv") == set()


def test_a_new_study_reruns_nothing_else(copied):
    copied.declare("studies/other", {
        "title": "Other", "defaults": {"representation": "ef", "protocol": "tiny"},
        "tables": {"more": {"title": "More", "rows": [{"dataset": "tiny", "property": "seebeck"}],
                            "columns": [{"model": "tiny_forest"}]}},
    })  # fmt: skip
    shown = copied.run("results/tables/other/more", "--dry-run", "--quiet", "host", studies="[tiny, other]")
    assert "rule make_table" in shown
    assert "rule train_model" not in shown


def test_a_mistake_in_the_config_stops_before_any_job(fresh):
    fresh.edit("config/studies/tiny.yaml", "tiny_brnet", "tiny_brent")
    shown = fresh.run(expect=1)
    assert "config/studies/tiny.yaml: key 'tables.errors', row 1, column 2: unknown model 'tiny_brent'." in shown
    assert "Did you mean 'tiny_brnet'?" in shown
    assert not (fresh.folder / "results").exists()


def test_a_target_of_a_study_that_is_not_asked_for_is_named(fresh):
    shown = fresh.run("results/tables/demo/errors", expect=1)
    assert "results/tables/demo/errors: the study 'demo' is not asked for; add --config 'studies=[demo]'" in shown


def test_a_failing_run_says_why_and_the_others_go_on(fresh):
    fresh.edit("config/protocols/tiny.yaml", "learning_rate: 0.001", "learning_rate: 1.0e+30")
    targets = ("results/tables/tiny/errors", "results/claims/tiny")
    shown = fresh.run(*targets, expect=1)
    assert "learning rate 1e+30" in shown
    listed = shown[shown.index("Failed: 1. What finished is kept") :]
    assert "train_model tiny/seebeck/ef/tiny_brnet/tiny\n    results/logs/train_model/tiny/" in listed
    assert "learning rate 1e+30" in listed
    assert not (fresh.folder / RUN / "predictions.parquet").exists()
    assert (fresh.folder / "results/runs/tiny/seebeck/ef/tiny_forest/tiny/metrics.json").exists()
    assert not (fresh.folder / "results/tables/tiny/errors.csv").exists()
    fresh.declare("keep", {"keep_failed": True})
    shown = fresh.run("--configfile", "config/config.yaml", "config/keep.yaml", "--", *targets)
    assert "rule train_model" not in shown
    page = (fresh.folder / "results/tables/tiny/errors.html").read_text()
    link = re.search(r'href="([^"]+)">failed</a>', page)[1]
    assert "learning rate 1e+30" in (fresh.folder / "results/tables/tiny" / link).read_text()
    with (fresh.folder / "results/claims/tiny/claims.csv").open() as stream:
        (claim,) = csv.DictReader(stream)
    assert (claim["verdict"], claim["reason"]) == ("not testable", "failed")
    assert "train_model" in fresh.planned()  # without the key it is tried again


def test_results_that_cannot_be_written_are_named_at_the_start(fresh):
    (fresh.folder / "results").mkdir()
    (fresh.folder / "results/plan").touch()
    shown = fresh.run("results/datasets/tiny/materials.parquet", expect=1)
    assert "results/plan: this folder cannot be written" in shown
    assert "Traceback" not in shown
    assert not (fresh.folder / "resources/raw/tiny").exists()


def documented_unlock(root):
    """Return the arguments with which docs/guide/start.md has the lock of a killed build removed."""
    (command,) = re.findall(
        r"^snakemake (--unlock .*)$", (root / "docs/guide/start.md").read_text("utf-8"), re.MULTILINE
    )
    return shlex.split(re.sub(r"studies=\[\w+\]", "studies=[tiny]", command))


def test_a_killed_training_goes_on_where_it_stopped(root, fresh):
    gate = Gate(fresh.folder, first_seed=TINY_SEED + 1)
    target = f"{RUN}/metrics.json"
    process = fresh.start(target)
    first_member = fresh.folder / "results/checkpoints/tiny/seebeck/ef/tiny_brnet/tiny/member-0/done.json"
    while not gate.is_reached():
        assert process.poll() is None, process.communicate()[0][-3000:]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (fresh.folder / RUN / "predictions.parquet").exists()
    assert "--unlock" in fresh.run(target, expect=1)
    fresh.run(*documented_unlock(root))
    gate.open()
    kept = first_member.read_bytes()
    shown = fresh.run(target)
    assert "member 1/2: finished before, kept" in shown
    info = json.loads((fresh.folder / RUN / "run_info.json").read_text())
    assert info["starts"] == 2
    assert info["members"]["0"] == json.loads(kept)


def test_a_changed_raw_file_is_noticed(copied):
    raw = next((copied.folder / "resources/raw/tiny").glob("*.csv"))
    raw.write_bytes(raw.read_bytes() + b"mp-0,ZnO,1,1\n")
    shown = copied.run("--forcerun", "curate_dataset", "--until", "curate_dataset", expect=1)
    assert "was changed" in shown


def test_an_empty_part_names_the_split(fresh):
    fresh.edit("config/protocols/tiny.yaml", "validation: 0.2", "validation: 0.001")
    fresh.edit("config/protocols/tiny.yaml", "train: 0.6", "train: 0.799")
    shown = fresh.run("splits", expect=1)
    assert "the validation set of member 0 is empty" in shown


def test_a_missing_local_file_is_named(fresh):
    (fresh.folder / "transport_sample.csv").unlink()
    (fresh.folder / "transport_samples.csv").touch()
    message = "config/datasets/tiny.yaml: key 'source.path': transport_sample.csv is missing. Did you mean "
    for arguments in (("--dry-run", "data"), ("data",)):
        shown = fresh.run(*arguments, expect=1)
        assert f"\n{message}'transport_samples.csv'? Put it there, or set data_folder.\n" in shown
        assert "MissingInputException" not in shown


def test_a_local_file_may_be_gone_or_made_by_a_rule(copied):
    (copied.folder / "transport_sample.csv").unlink()
    assert "Nothing to be done" in copied.run("--dry-run", "data")
    shutil.rmtree(copied.folder / "resources/raw/tiny")
    assert "Nothing to be done" in copied.run("--dry-run", "data")
    with (copied.folder / "Snakefile").open("a") as snakefile:
        snakefile.write(
            "\nrule own:\n    output:\n        'transport_sample.csv',\n    shell:\n        'touch {output}'\n"
        )
    assert "rule own:" in copied.run("--dry-run", "--forcerun", "retrieve_dataset", "--", "data")
