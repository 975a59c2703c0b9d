"""The command that predicts, on a run of a small project's shape."""

import pandas as pd
import pytest

from elemflow import predict
from elemflow.core.files import write_json


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "results/runs/d/gap/ef/m/p"
    (folder / "model").mkdir(parents=True)
    write_json(folder / "model/model.json", {"property": {"unit": "eV"}})
    for place in ("datasets/d", "splits/d/gap"):
        (tmp_path / "results" / place).mkdir(parents=True)
    pd.DataFrame({"material_id": ["NaCl", "GaAs"], "composition": ["ClNa", "AsGa"], "gap": [8.5, 1.4]}).to_parquet(
        tmp_path / "results/datasets/d/materials.parquet"
    )
    pd.DataFrame(
        {"material_id": ["NaCl", "GaAs", "GaAs"], "member": [0, 0, 1], "role": ["train", "test", "train"]}
    ).to_parquet(tmp_path / "results/splits/d/gap/p.parquet")
    return folder


@pytest.fixture
def predicted(monkeypatch):
    """Replace the networks: a formula with Q has a reason, any other the value 2."""

    def write(run, table, out, *, applicability, **_):
        formulas = pd.read_csv(table)["formula"]
        known = {"NaCl": "ClNa", "GaAs": "AsGa"}
        bad = formulas.str.contains("Q")
        frame = pd.DataFrame({"formula": formulas, "composition": formulas.map(known), "y_pred": 2.0})
        frame["reason"] = bad.map({True: "'Q' is not an element", False: None})
        frame.loc[bad, "y_pred"] = None
        frame.assign(flag="inside").to_parquet(out)

    monkeypatch.setattr(predict, "predict_table", write)


def test_formulas_are_shown_with_known_values(run, predicted, capsys):
    predict.main([str(run), "NaCl", "GaAs", "Fe203", "FeQ"])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["formula", "predicted", "(eV)", "flag", "known", "(eV)", "set"]
    assert shown[1].split() == ["NaCl", "2", "inside", "8.5", "train"]
    assert shown[2].split() == ["GaAs", "2", "inside", "1.4", "test"]
    assert shown[3].split() == ["Fe203", "2", "inside", "—", "—"]
    assert shown[5:] == ["FeQ: 'Q' is not an element", "Fe203: did you mean Fe2O3?"]


def test_without_its_results_nothing_is_known(tmp_path):
    assert predict.known_values(tmp_path / "copied/run/of/somebody/else") == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["formulas.csv"], "after the input, give the Parquet file to write"),
        (["formulas.csv", "out.csv"], "the output is a Parquet file"),
        (["formulas.parquet", "formulas.parquet"], "is an input, which the predictions would replace"),
    ],
)
def test_mistakes_in_the_arguments_are_named(run, arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        predict.main([str(run), *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
