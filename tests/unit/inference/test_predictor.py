"""Predictions for new materials: those of the run itself, from feature files and from tables of formulas."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import training
from factories.toy import SPEC as LARGER
from factories.toy import build

from elemflow import predict as command
from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata, write_json, write_parquet
from elemflow.features import elemental_fractions
from elemflow.features.scaling import Scaling, Target, save_scaling, save_target
from elemflow.features.store import feature_batches
from elemflow.inference.ensemble import Ensemble
from elemflow.inference.predictor import Predictor, predict_parquet, predict_table
from elemflow.inference.trained_run import TrainedRun
from elemflow.training.storage import write_run_config

SPEC = LARGER | {"stacks": [{"width": 4, "layers": 1}]}
NETWORK = {"kind": "network", "spec": SPEC}
FORMULAS = ["Fe2O3", "NaN", "GaAs", "O3Fe2", "Al2 O3"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three untrained members, of which one has a scaling and one a target."""
    folder = tmp_path_factory.mktemp("run")
    write_run_config(folder / "model", training.make_run(NETWORK))
    training.process_backend().start("tensorflow")
    for member in range(3):
        build(SPEC, 86, member).save(folder / f"model/member-{member}.keras")
    columns = np.arange(86.0)
    scaling = Scaling(np.ones(86, int), columns / 1000, np.full(86, 0.5), np.empty((0, 0)))
    save_scaling(folder / "model/member-1.scaling.npz", scaling)
    save_target(folder / "model/member-2.target.json", Target(2.0, 3.0, minimum=1.9))
    return folder


def _expected(run: Path, x: np.ndarray) -> np.ndarray:
    """Return the predictions of the three members (members, rows)."""
    import keras

    nets = [keras.models.load_model(run / f"model/member-{m}.keras") for m in range(3)]
    scaled = (x - np.arange(86) / 1000) / 0.5
    each = [np.array(net(inputs))[:, 0] for net, inputs in zip(nets, (x, scaled.astype("f4"), x), strict=True)]
    each[2] = np.maximum(each[2].astype(float) * 3 + 2, 1.9)
    return np.stack(each)


def _table(folder: Path, formulas: list[str], name: str = "formulas.csv", column: str = "formula") -> Path:
    pd.DataFrame({"note": "x", column: formulas}).to_csv(folder / name, index=False)
    return folder / name


@pytest.mark.parametrize("combine", [None, "median"])
def test_formulas_of_a_table(tmp_path: Path, run: Path, combine: str | None) -> None:
    out = tmp_path / "out.parquet"
    assert predict_table(run, _table(tmp_path, FORMULAS), out, combine=combine) == 5
    found = pd.read_parquet(out)
    assert found["formula"].tolist() == FORMULAS
    assert found["composition"].tolist() == ["Fe2O3", "NNa", "AsGa", "Fe2O3", "Al2O3"]
    x, _ = elemental_fractions.featurize(found["composition"].tolist())
    each = _expected(run, x)
    how = np.median if combine else np.mean
    np.testing.assert_allclose(found["y_pred"], how(each, axis=0), rtol=1e-5)
    np.testing.assert_allclose(found["spread"], each.std(axis=0, ddof=1), rtol=1e-5)
    schema = pq.read_schema(out)
    assert schema.field("y_pred").metadata == {b"unit": b"eV", b"property": b"gap"}
    assert schema.metadata[b"run"] == b"toy/gap/ef/m/p"


def test_the_evaluation_of_a_run_says_how_members_are_combined(tmp_path: Path, run: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "model").symlink_to(run / "model")
    write_json(folder / "metrics.json", {"test": {"ensemble": {"combined_by": "median"}}})
    assert Ensemble(folder).combine == "median"
    write_json(folder / "metrics.json", {"test": {}})
    assert Ensemble(folder).combine == "mean"


@pytest.mark.parametrize(
    ("formula", "reason"),
    [("Xx2O3", "'Xx' is not an element"), ("Fe2O3.2SiO2", "write .*Fe2O3·2SiO2"), ("FeOg", "Og is not among the 86")],
)
def test_a_row_that_cannot_be_predicted_is_named_or_skipped(
    tmp_path: Path, run: Path, formula: str, reason: str
) -> None:
    table, out = _table(tmp_path, ["GaAs", formula, "NaCl"]), tmp_path / "out.parquet"
    with pytest.raises(DataError, match=rf"formulas\.csv, row 2: '{formula}' .*{reason}"):
        predict_table(run, table, out)
    assert not list(tmp_path.glob("*.parquet")), "nothing half-written stays"
    predict_table(run, table, out, skip=True)
    found = pd.read_parquet(out)
    assert found["y_pred"].isna().tolist() == found["spread"].isna().tolist() == [False, True, False]
    assert re.search(reason, found["reason"][1])
    predict_table(run, _table(tmp_path, [formula]), out, skip=True)
    assert pd.read_parquet(out)["y_pred"].isna().all()


def test_formulas_by_weight_are_predicted_as_atoms(tmp_path: Path, run: Path) -> None:
    table, out = _table(tmp_path, ["Ga69.723As74.92160", "GaAs"]), tmp_path / "out.parquet"
    predict_table(run, table, out, amounts="weight")
    found = pd.read_parquet(out)
    assert found["composition"][0] == "AsGa" != found["composition"][1]
    predict_table(run, _table(tmp_path, ["GaAs"]), out)
    assert pd.read_parquet(out)["y_pred"][0] == pytest.approx(found["y_pred"][0])


def test_a_row_that_the_network_cannot_read_is_a_row_without_prediction(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_many = "too many elements"
    monkeypatch.setattr(
        TrainedRun, "unsupported_rows", lambda self, x: dict.fromkeys(np.flatnonzero((x > 0).sum(1) > 2), too_many)
    )
    table, out = _table(tmp_path, ["Xx", "GaAs", "CaTiO3", "NaCl"]), tmp_path / "out.parquet"
    predict_table(run, table, out, skip=True)
    assert pd.read_parquet(out)["y_pred"].isna().tolist() == [True, False, True, False]
    assert pd.read_parquet(out)["reason"][2] == "too many elements"
    with pytest.raises(DataError, match=f"row 1: 'CaTiO3' .*{too_many}"):
        predict_table(run, _table(tmp_path, ["CaTiO3"]), out)


def test_messages_about_a_table_of_formulas_name_no_dataset(tmp_path: Path, run: Path) -> None:
    (tmp_path / "semi.csv").write_text("formula;gap\nNaCl;1\n")
    assert predict_table(run, tmp_path / "semi.csv", tmp_path / "out.parquet") == 1
    with pytest.raises(DataError, match=r"nothing\.csv"):
        predict_table(run, tmp_path / "nothing.csv", tmp_path / "out.parquet")


def test_columns_and_formats_of_tables(tmp_path: Path, run: Path) -> None:
    out = tmp_path / "out.parquet"
    assert predict_table(run, _table(tmp_path, FORMULAS, column="composition"), out) == 5
    table = _table(tmp_path, FORMULAS, column="formulae")
    with pytest.raises(DataError, match=r"formulas\.csv: .*formula, composition.*note, formulae.*'formulae'"):
        predict_table(run, table, out)
    assert predict_table(run, table, out, column="formulae") == 5
    with pytest.raises(DataError, match=r"formulas\.csv: .*'x'"):
        predict_table(run, table, out, column="x")
    pd.DataFrame({"formula": FORMULAS}).to_parquet(tmp_path / "t.parquet")
    assert predict_table(run, tmp_path / "t.parquet", out) == 5
    with pytest.raises(DataError, match=r"t\.xlsx"):
        predict_table(run, tmp_path / "t.xlsx", out)
    with pytest.raises(DataError, match=r"formulas\.csv: no rows"):
        predict_table(run, _table(tmp_path, []), out)


def test_runs_that_cannot_predict_say_why(tmp_path: Path, run: Path) -> None:
    with pytest.raises(DataError, match=r"model/model\.json"):
        Ensemble(tmp_path)
    write_run_config(tmp_path / "model", training.make_run(NETWORK, representation="st+ef"))
    with pytest.raises(DataError, match="model: no member"):
        Ensemble(tmp_path)
    (tmp_path / "model/member-0.keras").symlink_to(run / "model/member-0.keras")
    with pytest.raises(DataError, match="part 'st'"):
        predict_table(tmp_path, _table(tmp_path, FORMULAS), tmp_path / "out.parquet")


def test_feature_files_give_the_predictions_of_the_run(tmp_path: Path) -> None:
    training.write_inputs(tmp_path, members=1)
    keys = {"target_scaling": {"center": "mean", "scale": "std"}, "clip_predictions": True}
    trained = training.train(tmp_path, training.NETWORK, {"ef": "standard"}, keys=keys, max_epochs=2)
    features, run = [tmp_path / "part.parquet"], tmp_path / "out"
    assert predict_parquet(run, features, tmp_path / "whole.parquet") == 58
    assert predict_parquet(run, features, tmp_path / "parts.parquet", batch_rows=7) == 58
    found = pd.read_parquet(tmp_path / "whole.parquet").set_index("material_id")
    parts = pd.read_parquet(tmp_path / "parts.parquet").set_index("material_id")
    stored = pd.read_parquet(trained["predictions"]).set_index("material_id")["y_pred"]
    np.testing.assert_allclose(found["y_pred"].loc[stored.index], stored, rtol=1e-5, atol=1e-5)  # numpy, Keras
    np.testing.assert_allclose(parts["y_pred"], found["y_pred"], rtol=1e-5, atol=1e-6)
    assert found["spread"].isna().all()
    table = pq.read_table(tmp_path / "part.parquet")
    write_parquet(tmp_path / "pa.parquet", table, {"part": "pa", "labels": list("abc")})
    with pytest.raises(DataError, match=r"ef, pa; .* ef\."):
        predict_parquet(run, [*features, tmp_path / "pa.parquet"], tmp_path / "x.parquet")


def test_estimators_predict_too(tmp_path: Path) -> None:
    training.write_inputs(tmp_path)
    model = {"kind": "estimator", "estimator": "ridge", "parameters": {}}
    trained = training.train(tmp_path, model)
    predict_parquet(tmp_path / "out", [tmp_path / "part.parquet"], tmp_path / "p.parquet")
    found = pd.read_parquet(tmp_path / "p.parquet").set_index("material_id")
    stored = pd.read_parquet(trained["predictions"])
    both = stored.groupby("material_id")["y_pred"].agg(["mean", "count"]).query("count == 2")["mean"]
    assert len(both)
    np.testing.assert_allclose(found["y_pred"].loc[both.index], both, rtol=1e-6)


def test_parts_are_joined_by_material(tmp_path: Path) -> None:
    ids = np.array([f"m{i:03d}" for i in range(50)])
    for name, rows in (("a", range(50)), ("b", range(1, 50, 2))):
        table = {"material_id": ids[rows], f"{name}1": np.array(rows, "f4"), f"{name}2": -np.array(rows, "f4")}
        pq.write_table(pa.table(table), tmp_path / f"{name}.parquet", row_group_size=11)
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    batches = list(feature_batches(files, 10))
    assert [len(found) for found, _ in batches] == [10, 10, 5]
    assert np.concatenate([found for found, _ in batches]).tolist() == ids[1::2].tolist()
    x = np.concatenate([x for _, x in batches])
    odd = np.arange(1, 50, 2)
    np.testing.assert_array_equal(x, np.stack([odd, -odd, odd, -odd], axis=1))
    turned = pq.read_table(files[1])
    pq.write_table(turned.take(list(range(24, -1, -1))), files[1])
    with pytest.raises(DataError, match="order"):
        list(feature_batches(files, 10))
    pq.write_table(turned.set_column(0, "material_id", pa.array(["x"] * 25)), files[1])
    with pytest.raises(DataError, match="no material has features"):
        list(feature_batches(files, 10))


def test_the_command_distinguishes_tables_from_feature_files(tmp_path: Path, run: Path, capsys) -> None:
    table, out = _table(tmp_path, FORMULAS), tmp_path / "out.parquet"
    command.main([str(run), str(table), str(out)])
    assert pq.read_metadata(out).num_rows == 5
    x, _ = elemental_fractions.featurize(["Fe2O3", "AsGa"])
    columns = {"material_id": ["Fe2O3", "AsGa"]} | dict(zip(elemental_fractions.LABELS, x.T, strict=True))
    write_parquet(tmp_path / "ef.parquet", pa.table(columns), {"part": "ef", "labels": elemental_fractions.LABELS})
    assert read_metadata(tmp_path / "ef.parquet")["part"] == "ef"
    by_formula = pd.read_parquet(out).set_index("composition")["y_pred"]
    command.main([str(run), str(tmp_path / "ef.parquet"), str(out), "--threads", "1"])
    found = pd.read_parquet(out).set_index("material_id")["y_pred"]
    np.testing.assert_allclose(found, by_formula[~by_formula.index.duplicated()].loc[found.index], rtol=1e-5)
    with pytest.raises(SystemExit, match="row 1: 'Q'"):
        command.main([str(run), str(_table(tmp_path, ["Q"])), str(out)])
    with pytest.raises(SystemExit):
        command.main([str(run), str(table), str(table), str(out)])
    before = table.read_bytes()
    for wrong in (table, tmp_path / "out.csv", tmp_path / "ef.parquet"):
        with pytest.raises(SystemExit):
            command.main([str(run), str(tmp_path / "ef.parquet" if wrong.suffix == ".parquet" else table), str(wrong)])
    assert "which the predictions would replace" in capsys.readouterr().err
    assert table.read_bytes() == before
    assert not (tmp_path / "out.csv").exists()
    assert json.dumps(pd.read_parquet(out).shape) == "[2, 3]", "a failed command leaves the old file"


def test_an_unknown_combination_is_refused(tmp_path):
    with pytest.raises(DataError, match="combine 'max': give mean or median"):
        Predictor(tmp_path, combine="max")
