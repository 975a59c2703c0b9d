"""Tables of stability: a line per decider, others' values below, and one setting per table."""

import pandas as pd
import pytest
from factories.reporting import make_cell, make_common, name_run, place, planned, write_run

from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.core.places import ROOT
from elemflow.plan.peers import read_peers
from elemflow.plan.workflow import Workflow
from elemflow.reporting.stability import SETTINGS
from elemflow.reporting.tables.kinds.stability import BUILDER


def make_table(models, setting="known_hull", **more):
    cells = [make_cell(model, column, None) | {"setting": setting} for column, model in enumerate(models)]
    return planned(
        make_common()
        | {"table": "known", "title": "Stability", "kind": "stability", "cells": cells, "rows": [{"label": "KEFE"}]}
        | {"columns": [{"label": model} for model in models]}
        | more
    )


def write(folder, table, metrics):
    outputs = place(folder, "table")
    BUILDER.write(table, metrics, {}, outputs)
    return outputs


def test_a_line_per_decider_and_peer(tmp_path):
    runs = {name_run("brnet"): write_run(tmp_path, name_run("brnet"), [0.05]) / "metrics.json"}
    peer = {"model": "Roost", "note": "", "values": {"n": 85014.0, "accuracy": 0.76, "f1": 0.721, "mae_energy": 0.056}}
    outputs = write(tmp_path / "out", make_table(["brnet"], peers=[peer]), runs)
    lines = pd.read_csv(outputs["csv"])
    assert lines["decider"].tolist() == ["energy", "hull", "published"]
    assert lines.loc[0, "mae_decomposition"] == pytest.approx(0.05)
    assert lines.loc[1, "mae_decomposition"] == pytest.approx(0.025)
    assert lines.loc[0, "f1_low"] <= lines.loc[0, "f1"] <= lines.loc[0, "f1_high"]
    assert lines.loc[2, ["model", "n", "f1"]].tolist() == ["Roost", 85014, 0.721]
    text = outputs["md"].read_text()
    assert "Roost" in text
    assert "0.0500" in text
    assert SETTINGS["known_hull"][:20] in text


def test_a_run_without_the_setting_says_why(tmp_path):
    folder = write_run(tmp_path, name_run("brnet"), [0.05])
    table = make_table(["brnet", "bnet"], setting="all_predicted")
    text = (folder / "stability.json").read_text()
    (folder / "stability.json").write_text(
        text.replace('"all_predicted": {', '"other": {').replace(
            '"missing": {}', '"missing": {"all_predicted": "half of them"}'
        )
    )
    outputs = write(tmp_path / "out", table, {name_run("brnet"): folder / "metrics.json"})
    lines = pd.read_csv(outputs["csv"])
    assert lines["missing"].tolist()[0] == "half of them"
    assert "not run" in outputs["md"].read_text()


def test_two_settings_in_a_table_are_refused(root):
    columns = [
        {"protocol": "stability", "setting": "known_hull"},
        {"protocol": "stability", "setting": "all_predicted"},
    ]
    changed = {"studies": {"stability": {"tables": {"known_hull": {"columns": columns}}}}}
    settings = {"overrides": changed, "studies": ["stability"]}
    with pytest.raises(ConfigError, match="known_hull"):
        Workflow(load(settings, root), root)


def test_values_of_others_are_those_of_the_setting(root):
    plan = Workflow.load({"studies": ["stability"]}, root).plan
    for item in plan.of_study("stability"):
        (setting,) = {cell.setting for cell in item.planned}
        if not setting or getattr(item, "table", "") in ("systems_left_out", "lithium_manganese"):
            assert item.peers == []  # others' values are of random folds, and of stability
            continue
        assert item.peers == read_peers(ROOT / "resources/published/published_stability.csv")[setting]
        assert {"ElemNet", "Roost", "CGCNN"} <= {peer.model for peer in item.peers}


@pytest.mark.parametrize(
    ("model", "accuracy", "f1", "mae"),
    [("ElemNet", 0.644, 0.600, 0.098), ("Roost", 0.760, 0.722, 0.065), ("CGCNN", 0.800, 0.750, 0.039)],
)
def test_the_published_accuracies_are_met(model, accuracy, f1, mae):
    """Bartel et al. 2020, figures 4 and 7: what their predictions give in our evaluation."""
    peers = {
        peer.model: peer for peer in read_peers(ROOT / "resources/published/published_stability.csv")["all_predicted"]
    }
    values = peers[model].model_dump()["values"]
    assert values["accuracy"] == pytest.approx(accuracy, abs=6e-4)
    assert values["f1"] == pytest.approx(f1, abs=7e-4)
    assert values["mae_decomposition"] == pytest.approx(mae, abs=6e-4)
