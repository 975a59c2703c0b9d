"""Runs of estimators, from the training job to the cell of a table: searches, choices, limits."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from factories.reporting import make_cell, make_common, place, planned
from factories.training import inputs_of, make_run, outputs_in, process_backend

from elemflow.core.deadline import DEADLINE
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json, write_parquet
from elemflow.estimators import hyperparameter_search
from elemflow.estimators.storage import load_estimator
from elemflow.evaluation.metrics import evaluate
from elemflow.reporting.figures.build import write_figure
from elemflow.reporting.tables.kinds.errors import BUILDER
from elemflow.training import interruption
from elemflow.training.fitter import Task
from elemflow.training.fitters.common import kept_trials
from elemflow.training.job import train_run
from elemflow.training.run_files import RunOutputs

pytest.importorskip("sklearn")

TREE: dict[str, Any] = {"kind": "estimator", "estimator": "decision_tree", "parameters": {}, "max_rows": None}
SEARCH = {"method": "random", "trials": 2, "select_by": "auto", "folds": 3, "grid": {"max_depth": [1, 3, 5]}}
LINE = {"kind": "estimator", "estimator": "linear_regression", "parameters": {}, "max_rows": None}
BEST: dict[str, Any] = {
    "kind": "best_of",
    "models": ["tree", "line"],
    "trials": 2,
    "select_by": "auto",
    "folds": 3,
    "candidates": {"tree": TREE | {"search": SEARCH}, "line": LINE},
}


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    ids = [f"m{i:03d}" for i in range(60)]
    x = rng.normal(size=(60, 3)).astype(np.float32)
    pd.DataFrame({"material_id": ids, "gap": x.sum(axis=1, dtype=float)}).to_parquet(tmp_path / "materials.parquet")
    columns = {"material_id": ids} | {name: x[:, i] for i, name in enumerate("abc")}
    write_parquet(tmp_path / "part.parquet", pa.table(columns), {"part": "ef", "labels": list("abc")})
    roles = np.array(["train"] * 40 + ["validation"] * 8 + ["test"] * 12, dtype=object)
    split = [pd.DataFrame({"material_id": ids, "member": m, "role": rng.permutation(roles)}) for m in range(2)]
    pd.concat(split).to_parquet(tmp_path / "split.parquet")
    return tmp_path


def _without_validation(folder: Path) -> None:
    split = pd.read_parquet(folder / "split.parquet")
    split[split["role"] != "validation"].to_parquet(folder / "split.parquet")


def _train(folder: Path, model: dict[str, Any], **protocol: Any) -> dict[str, Path]:
    outputs = outputs_in(folder / "runs/kefe/gap/ef/m/p")
    split = {"scheme": "k_fold", "folds": 2, "seed": 0}
    run = make_run(model, {"split": split, "seed": 7, "clip_predictions": False} | protocol)
    train_run(run, inputs_of(folder), RunOutputs(**outputs), process_backend())
    write_json(outputs["predictions"].with_name("metrics.json"), evaluate(outputs["predictions"]).plain())
    return outputs


def _table(folder: Path) -> dict[str, Path]:
    cell = make_cell("m", 0, "0.5") | {"run": "kefe/gap/ef/m/p"}
    cfg = make_common() | {
        "table": "t", "kind": "errors", "title": "T", "note": "", "rows": [{"label": "Row"}], "columns": [{"label": "M"}], "cells": [cell],
    }  # fmt: skip
    outputs = place(folder / "tables", "table")
    BUILDER.write(planned(cfg), {cell["run"]: folder / "runs" / cell["run"] / "metrics.json"}, {}, outputs)
    return outputs


def test_a_search_says_its_trials_and_saves_the_winner(inputs: Path) -> None:
    out = _train(inputs, TREE | {"search": SEARCH})
    assert len(pd.read_parquet(out["history"])) == 2 * 2
    facts = read_json(out["run_info"])["members"]["1"]
    assert facts["folds"] is None
    assert len(facts["trials"]) == 2
    best = facts["trials"][facts["best_trial"] - 1]
    assert load_estimator(out["model_folder"] / "member-1.skops").max_depth == best["parameters"]["max_depth"]
    assert "chosen" not in read_json(out["predictions"].with_name("metrics.json"))


def test_without_a_validation_set_inner_folds_select(inputs: Path) -> None:
    _without_validation(inputs)
    out = _train(inputs, TREE | {"search": SEARCH})
    assert read_json(out["run_info"])["members"]["0"]["folds"] == 3
    with pytest.raises(DataError, match="no validation rows"):
        _train(inputs, TREE | {"search": SEARCH | {"select_by": "validation"}})


@pytest.mark.parametrize("model", [TREE | {"search": SEARCH | {"method": "grid"}}, BEST], ids=["grid", "best_of"])
def test_a_search_at_the_end_of_its_time_goes_on_with_the_next_trial(
    inputs: Path, model: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {name: path.read_bytes() for name, path in _train(inputs, model).items() if name == "predictions"}
    fitted: list[float] = []
    fit = hyperparameter_search._fit_and_evaluate

    def counted(*given: Any) -> Any:
        fitted.append(time.time())
        if len(fitted) == 2:
            monkeypatch.setenv(DEADLINE, "0")
        return fit(*given)

    monkeypatch.setattr(hyperparameter_search, "_fit_and_evaluate", counted)
    with pytest.raises(interruption.Stopped, match="75") as stopped:
        _train(inputs, model)
    assert stopped.value.by_time_limit
    assert "between two trials" in stopped.value.message
    monkeypatch.delenv(DEADLINE)
    outputs = _train(inputs, model)
    assert len(fitted) == 2 * 3, "two members of three trials, each once"
    assert {name: outputs[name].read_bytes() for name in whole} == whole


def test_a_trial_begins_only_if_its_time_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = kept_trials(Task(None, tmp_path, "member 1/1"))  # type: ignore[arg-type]
    monkeypatch.setenv(DEADLINE, str(time.time() + interruption.MARGIN + 500))
    kept.before(0.0)
    kept.before(300.0)
    with pytest.raises(interruption.Stopped):
        kept.before(600.0)


def test_the_test_set_does_not_select(inputs: Path) -> None:
    def trials() -> list[Any]:
        found = read_json(_train(inputs, BEST)["run_info"])["members"]["0"]["trials"]
        return [{key: value for key, value in trial.items() if key != "seconds"} for trial in found]

    before = trials()
    split = pd.read_parquet(inputs / "split.parquet")
    table = pd.read_parquet(inputs / "materials.parquet").set_index("material_id")
    table.loc[split.query("member == 0 and role == 'test'")["material_id"], "gap"] += 50
    table.reset_index().to_parquet(inputs / "materials.parquet")
    assert trials() == before


def test_the_best_of_several_names_the_winner_in_the_table(inputs: Path) -> None:
    first = _train(inputs, BEST)["predictions"].read_bytes()
    out = _train(inputs, BEST)
    assert out["predictions"].read_bytes() == first
    assert read_json(out["predictions"].with_name("metrics.json"))["chosen"] == {"0": "line", "1": "line"}
    table = _table(inputs)
    assert BUILDER.read_frame(table["csv"])["note"].item() == "line chosen in 2 of 2 members"
    for name in ("text", "md", "tex", "html"):
        shown = " ".join(table[name].read_text(encoding="utf-8").replace("\\", "").split())
        assert shown.count("[1]") == 2, name
        assert "[1] line chosen in 2 of 2 members." in shown


def test_a_model_that_is_too_large_is_skipped(inputs: Path) -> None:
    candidates = BEST["candidates"] | {"line": LINE | {"max_rows": 39}}
    _train(inputs, BEST | {"candidates": candidates})
    note = BUILDER.read_frame(_table(inputs)["csv"])["note"].item()
    assert note == "tree chosen in 2 of 2 members, without line: too large (40 training rows > 39)"


@pytest.mark.parametrize(
    "model",
    [
        TREE | {"max_rows": 39},
        BEST | {"candidates": {"tree": TREE | {"max_rows": 39}, "line": LINE | {"max_rows": 39}}},
    ],
)
def test_a_run_that_is_too_large_has_a_cell_that_says_so(inputs: Path, model: dict[str, Any]) -> None:
    out = _train(inputs, model)
    reason = "too large (40 training rows > 39)"
    assert read_json(out["run_info"])["not_run"] == reason
    assert pd.read_parquet(out["predictions"]).empty
    assert pd.read_parquet(out["history"]).empty
    assert [path.name for path in out["model_folder"].iterdir()] == ["model.json"]
    assert json.loads(out["predictions"].with_name("metrics.json").read_text()) == {"not_run": reason}
    for name, path in _table(inputs).items():
        shown = path.read_text(encoding="utf-8").replace("\\ensuremath{>}", ">").replace("&gt;", ">").replace("\\", "")
        assert f"not run: {reason}" in shown, name


@pytest.mark.parametrize("kind", ["bars", "parity", "training_curves"])
def test_a_figure_leaves_out_what_was_not_run(inputs: Path, kind: str) -> None:
    _train(inputs, TREE | {"max_rows": 39})
    series = {
        "label": "M",
        "run": "kefe/gap/ef/m/p",
        "dataset": "kefe",
        "property": "gap",
        "representation": "ef",
        "model": "m",
        "protocol": "p",
        "unit": "eV",
        "dataset_title": "T",
        "property_title": "Gap",
        "published": 0.1,
        "missing": "",
    }
    panels = [{"label": "KEFE", "series": [series]}]
    cfg = make_common() | {
        "figure": "f",
        "title": "F",
        "kind": kind,
        "panels": panels,
        "study_labels": [[series["label"]]],
    }
    outputs = place(inputs / "figures", "figure")
    write_figure(planned(cfg), {series["run"]: inputs / "runs" / series["run"]}, {}, outputs)
    assert "none of the 1 runs has a result" in outputs["text"].read_text()


def test_the_errors_of_trials_are_in_the_unit_of_the_property(inputs: Path) -> None:
    out = _train(inputs, TREE | {"search": SEARCH}, target_scaling={"center": "median", "scale": "std"})
    history = pd.read_parquet(out["history"]).set_index(["member", "epoch"])["validation_mae"]
    for member, facts in read_json(out["run_info"])["members"].items():
        for trial in facts["trials"]:
            assert trial["validation_mae"] == pytest.approx(history[int(member), trial["trial"]])
