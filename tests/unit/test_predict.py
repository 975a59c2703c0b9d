"""The command that predicts, on a run of a small project's shape."""

import pandas as pd
import pytest

from elemflow import predict
from elemflow.core.files import write_json
from elemflow.inference.known_values import known_values


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


def test_formulas_are_shown_by_the_command_line(monkeypatch):
    called = []
    monkeypatch.setattr(predict, "elemflow", lambda arguments, **_: called.append(arguments))
    predict.main(["some/run", "NaCl", "Fe203", "--level", "80"])
    assert called == [
        ["predict", "--skip", "--run=some/run", "--level=80", "--threads=1", "--amounts=atomic", "NaCl", "Fe203"]
    ]


def test_known_values_are_those_of_the_dataset(run):
    assert known_values(run) == {"ClNa": (8.5, "train"), "AsGa": (1.4, "test")}


def test_of_polymorphs_the_median_is_known(run, tmp_path):
    ids = ["NaCl", "ZnS-1", "ZnS-2", "ZnS-3"]
    pd.DataFrame({"material_id": ids, "composition": ["ClNa", *["SZn"] * 3], "gap": [8.5, 2.0, 3.0, 3.8]}).to_parquet(
        tmp_path / "results/datasets/d/materials.parquet"
    )
    pd.DataFrame({"material_id": ids, "member": 0, "role": ["train", "train", "test", "train"]}).to_parquet(
        tmp_path / "results/splits/d/gap/p.parquet"
    )
    assert known_values(run) == {"ClNa": (8.5, "train"), "SZn": (3.0, "test, train")}


def test_without_its_results_nothing_is_known(tmp_path):
    assert known_values(tmp_path / "copied/run/of/somebody/else") == {}


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
