"""A run that starts from another one, from the config to its explanation."""

import json

import pandas as pd
import pytest
from factories.tiny_project import TINY_DATASET, TINY_PROTOCOL

from elemflow.core.roles import EVALUATION_ROLES
from elemflow.explain import explain
from elemflow.splits.leakage import compositions_of

pytestmark = pytest.mark.workflow

SOURCE = TINY_PROTOCOL | {"scaling": {"ef": "standard"}, "target_scaling": {"center": "mean", "scale": "std"}}
TUNED = TINY_PROTOCOL | {"pretraining": {"dataset": "large", "property": "seebeck_n", "protocol": "tiny_source"}}
LARGE = TINY_DATASET | {
    "title": "Another sample",
    "properties": {"seebeck_n": {"column": "S_n", "unit": "µV/K", "title": "Seebeck coefficient of n type"}},
}
STUDY = {
    "title": "Tuned study",
    "defaults": {"representation": "ef", "model": "tiny_brnet", "dataset": "tiny", "property": "seebeck"},
    "tables": {"errors": {"title": "Errors", "rows": [{"label": "all"}], "columns": [{"protocol": ["tiny", "tuned"]}]}},
}
ID = "tiny_source.before.tiny.seebeck.tuned"
TARGET_RUN, SOURCE_RUN = "tiny/seebeck/ef/tiny_brnet/tuned", f"large/seebeck_n/ef/tiny_brnet/{ID}"


@pytest.fixture
def tuned(fresh):
    """A project with a study that compares a network with a pre-trained one."""
    for name, content in {
        "datasets/large": LARGE, "protocols/tiny_source": SOURCE, "protocols/tuned": TUNED, "studies/tuned": STUDY,
    }.items():  # fmt: skip
        fresh.declare(name, content)
    return fresh


def test_source_and_target_are_two_runs_of_one_workflow(tuned):
    shown = tuned.run("--dry-run", "--quiet", "host", studies="[tuned]")
    assert shown.count("rule train_model:") == 3
    assert shown.count("rule split_dataset:") == 3
    assert f"results/runs/{SOURCE_RUN}/metrics.json" in shown
    targets = ("results/tables/tuned/errors", f"results/runs/{SOURCE_RUN}/metrics.json", "results/plan/runs.tsv")
    tuned.run(*targets, studies="[tuned]")
    results = tuned.folder / "results"
    evaluated = compositions_of(
        results / "splits/tiny/seebeck/tuned.parquet", results / "datasets/tiny/materials.parquet", EVALUATION_ROLES
    )
    seen = compositions_of(
        results / f"splits/large/seebeck_n/{ID}.parquet", results / "datasets/large/materials.parquet"
    )
    for member in (0, 1):
        assert len(evaluated[member]) > 10
        assert len(seen[member]) > 10
        assert not evaluated[member] & seen[member]
    test = json.loads((results / f"runs/{SOURCE_RUN}/metrics.json").read_text())["test"]["members"]
    assert sorted(test) == ["0", "1"]
    explained = explain(results / "tables/tuned/errors.csv", ["", "tuned"])
    assert (
        explained.index(TARGET_RUN) < explained.index("pre-trained by") < explained.index(f"{SOURCE_RUN}\n  member 0")
    )
    assert "CHANGED" not in explained
    assert f"{results.name}/runs/{SOURCE_RUN}/model/member-0.keras (unchanged)" in explained
    assert explained.count("materials by member, since the fine-tuned run is evaluated on them") == 2
    assert "Another sample (" in (results / "tables/tuned/errors").read_text()
    assert "Nothing to be done" in tuned.run("--dry-run", *targets, studies="[tuned]")
    plan = pd.read_csv(results / "plan/runs.tsv", sep="\t")
    assert set(plan["protocol"]) == {"tiny", "tuned", ID}
    _reruns(tuned)


def _reruns(tuned):
    """Check what a change reruns."""
    tuned.edit("config/protocols/tiny_source.yaml", "batch_size: 16", "batch_size: 8")
    shown = tuned.run("--dry-run", "--quiet", "host", studies="[tuned]")
    assert shown.count("rule train_model:") == 2
    assert "rule split" not in shown
    tuned.edit("config/protocols/tiny_source.yaml", "batch_size: 8", "batch_size: 16")
    tuned.edit("config/protocols/tuned.yaml", "batch_size: 16", "batch_size: 8")
    shown = tuned.run("--dry-run", "--quiet", "host", studies="[tuned]")
    assert shown.count("rule train_model:") == 1
    assert "tiny_source.before" not in shown.split("rule train_model:")[1].split("output:")[1].split("log:")[0]


def test_a_run_may_be_asked_for_by_its_path(tuned):
    shown = tuned.run(f"results/runs/{TARGET_RUN}/metrics.json", "--dry-run", "--quiet", "host")
    assert shown.count("rule train_model:") == 2
    path = f"results/runs/{TARGET_RUN.replace('tiny_brnet', 'tiny_forest')}/metrics.json"
    assert "model 'tiny_forest' is no network" in tuned.run(path, "--dry-run", expect=1)
