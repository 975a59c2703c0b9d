"""Files behind tables and figures for plain wildcards."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from elemflow.config.kinds import OF_MODELS, TABLES
from elemflow.config.yaml_schema import read_yaml
from elemflow.core.errors import DataError
from elemflow.plan.recorded import read_recorded
from elemflow.plan.workflow import Workflow
from elemflow.record.cells import plan_papers

RECORDED = "kefe/formation_energy/ef/bnet/brnet2023"
TABLE5 = SimpleNamespace(study="brnet2023", table="table5")


def test_tables_and_figures_name_the_files_behind_them(wf):
    for study, table in wf.plan.tables:
        job = SimpleNamespace(study=study, table=table)
        assert wf.reports.table(job)["kind"] in TABLES
        assert all(path.endswith("/metrics.json") for path in wf.reports.table_metrics(job))
        assert wf.reports.table_curation(job) or wf.plan.tables[study, table].kind in OF_MODELS
    for study, figure in wf.plan.figures:
        job = SimpleNamespace(study=study, figure=figure)
        assert all(path.startswith("results/runs/") for path in wf.reports.figure_runs(job))


@pytest.fixture(scope="module")
def workflows(root):
    return {how: Workflow.load({"studies": ["brnet2023"], "recorded": how}, root) for how in ("ignore", "show", "only")}


def test_recorded_runs_stand_in_for_trainings(workflows, root, empty):
    recorded = (root / "resources/record" / RECORDED / "metrics.json").as_posix()
    found = {how: wf.reports.table_metrics(TABLE5) for how, wf in workflows.items()}
    assert found["ignore"] == [path for path in found["ignore"] if path.startswith("results/runs/")]
    assert len(found["ignore"]) == len(found["show"]) == 12
    assert recorded in found["show"]
    assert f"results/runs/{RECORDED}/metrics.json" not in found["show"]
    assert recorded in found["only"]
    assert not [path for path in found["only"] if path.startswith("results/runs/")]


def test_a_run_that_was_computed_here_is_not_shown_from_the_record(root, empty):
    path = Path(f"results/runs/{RECORDED}/metrics.json")
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    wf = Workflow.load({"studies": ["brnet2023"], "recorded": "only"}, root)
    assert str(path) in wf.reports.table_metrics(TABLE5)
    assert RECORDED not in wf.reports.table(TABLE5).get("recorded", {})


@pytest.mark.parametrize(
    ("training", "other"),
    [
        ({"engine": "tensorflow"}, ""),
        ({"batch_size": 512}, "protocol.training.batch_size 32 in place of 512"),
        ({"max_epochs": 5}, "protocol.training.max_epochs 3000 in place of 5"),
    ],
)
def test_a_run_recorded_with_other_settings_is_computed_or_shown_with_them(root, empty, training, other):
    overrides = {"studies": ["brnet2023"], "overrides": {"protocols": {"brnet2023": {"training": training}}}}
    only = Workflow.load(overrides | {"recorded": "only"}, root)
    assert only.reports.table(TABLE5)["recorded"][RECORDED]["other_settings"] == other
    show = Workflow.load(overrides | {"recorded": "show"}, root)
    computed = f"results/runs/{RECORDED}/metrics.json" in show.reports.table_metrics(TABLE5)
    assert computed == bool(other)


def test_no_recorded_run_differs_from_the_settings_of_the_papers(root):
    planned = plan_papers(root)
    for run in read_recorded(root / "resources/record").values():
        settings = [each.settings for each in planned if run.run in each.plan.runs]
        assert settings
        assert {run.find_other_settings(each) for each in settings} == {""}


def test_cells_recorded_on_copies_of_their_data_are_counted(root, empty):
    table3 = SimpleNamespace(study="brnet2023", table="table3")
    overlay = read_yaml(root / "config/overlays/local_tables.yaml")
    copies = Workflow.load({"studies": ["brnet2023"], "recorded": "only"} | overlay, root)
    shown = copies.reports.table(table3)
    assert len(shown["recorded"]) > 1
    assert "recorded_elsewhere" not in shown
    default = Workflow.load({"studies": ["brnet2023"], "recorded": "only"}, root).reports.table(table3)
    assert default["recorded_elsewhere"] > 1
    assert default["recorded_elsewhere"] + len(default["recorded"]) == len(shown["recorded"])


def test_the_data_of_a_recorded_run_are_those_of_the_record(root, empty):
    wf = Workflow.load({"studies": ["huang2020"], "recorded": "only"}, root)
    found = wf.reports.table(SimpleNamespace(study="huang2020", table="table2"))
    here = found["datasets"]["oqmd2"]["version"]
    assert {run["data"]["version"] == here for run in found["recorded"].values()} == {False}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run_info.json", "{", "is damaged"),
        ("run_info.json", "{}", "is missing or damaged"),
        ("predictions.parquet", None, "predictions.parquet missing"),
        ("about.json", "{}", "about.json is damaged"),
    ],
)
def test_damaged_evidence_is_named_with_how_to_restore_it(root, empty, name, content, message):
    record = Path("record")
    shutil.copytree(root / "resources/record/kefe", record / "kefe")
    path = record / RECORDED / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(DataError, match=rf"{message}.*git checkout --"):
        assert read_recorded(record.resolve())[RECORDED].about


def test_the_demo_shows_recorded_runs_and_computes_none_of_the_papers_models(root, empty):
    wf = Workflow.load({"studies": ["demo"]}, root)
    demo = SimpleNamespace(study="demo", table="errors")
    metrics = wf.reports.table_metrics(demo)
    recorded = [Path(path) for path in metrics if not path.startswith("results/")]
    assert root / "resources/record" / RECORDED / "metrics.json" in recorded
    assert {path.parent.name for path in recorded} == {"brnet2023"}
    assert {Path(path).parts[-3] for path in metrics if path.startswith("results/")} == {
        "extra_trees",
        "brnet_recommended",
    }
    assert RECORDED in wf.reports.table(demo)["recorded"]
    assert not [run.path for run in wf.plan.recorded if f"results/runs/{run.path}/metrics.json" in wf.metrics()]


def test_a_run_computed_for_nothing_else_does_not_replace_the_recorded_one(root, empty):
    path = Path(f"results/runs/{RECORDED}/metrics.json")
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    wf = Workflow.load({"studies": ["demo"]}, root)
    assert str(path) not in wf.reports.table_metrics(SimpleNamespace(study="demo", table="errors"))


def test_a_reader_of_recorded_values_needs_no_data(workflows, empty):
    wf = workflows["only"]
    assert wf.reports.table_about(TABLE5) == []
    assert all("resources/record/" in path for path in wf.reports.table_curation(TABLE5))


@pytest.mark.parametrize(
    ("same", "materials_there", "other"),
    [(True, None, False), (False, None, True), (False, 2135, False), (False, 2134, True)],
)
def test_other_data_than_those_curated_here_are_noticed(root, empty, same, materials_there, other):
    """Other bytes with the same counts and statistics are no other data."""
    info = json.loads((root / "resources/record" / RECORDED / "run_info.json").read_text())
    [materials] = [value for name, value in info["inputs_sha256"].items() if name.endswith("materials.parquet")]
    folder = Path("results/datasets/kefe")
    folder.mkdir(parents=True)
    outputs = {"materials.parquet": materials if same else "0" * 64}
    (folder / "provenance.json").write_text(json.dumps({"outputs": outputs, "inputs": {}, "cfg": "", "code": ""}))
    if materials_there:
        curation = json.loads((root / "resources/record" / RECORDED / "curation.json").read_text())
        (folder / "curation.json").write_text(json.dumps(curation | {"materials": materials_there}))
    wf = Workflow.load({"studies": ["brnet2023"], "recorded": "only"}, root)
    assert wf.reports.table(TABLE5)["recorded"][RECORDED]["other_data"] is other


def test_published_values_of_runs_have_units_and_sources(wf):
    found = wf.reports.published_of_runs()
    assert found["kefe/formation_energy/ef/brnet/brnet2023"]["unit"] == "eV/atom"
    values = found["kefe/formation_energy/ef/brnet/brnet2023"]["values"]
    assert [value for value in values if value.endswith("(brnet2023 T5)")]
    assert len(set(values)) == len(values)
    assert set(found) <= {run.path for run in wf.plan.runs}


def test_claims_read_predictions_and_sizes_of_their_runs(workflows, root, empty):
    """Intervals over splits need `run_info.json`, so that its change makes the claims again."""
    job = SimpleNamespace(study="brnet2023")
    folders = {"only": root / "resources/record" / RECORDED, "ignore": Path("results/runs") / RECORDED}
    for how, folder in folders.items():
        for found in (workflows[how].reports.claim_predictions(job), workflows[how].reports.all_claim_predictions(job)):
            assert {(folder / name).as_posix() for name in ("predictions.parquet", "run_info.json")} <= set(found)
