"""Features by a base: labels, rounding, rows without features, the base's hash, and a model that learns from them."""

import numpy as np
import pandas as pd
import pytest
from factories.base_toy import compositions, value, write_toy
from sklearn.ensemble import ExtraTreesRegressor

from elemflow.chemistry.composition import canonical
from elemflow.config.kinds import FEATURES, natural_scaling, parts_of
from elemflow.config.load import load
from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata, sha256_file
from elemflow.features import elemental_fractions
from elemflow.features.store import featurize_chunk, load_descriptors, read_features
from elemflow.multitask.trunk import Trunk, seen_facts

PARTS = ("base", "base_benchmark")


@pytest.fixture(scope="module", name="trunk")
def _trunk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    file = write_toy(folder, folder / "toy.elemflow")
    return Trunk(str(file), sha256_file(file))


def test_features_are_the_predictions_of_the_heads_and_the_trunk(trunk):
    names = compositions(50)
    x, reasons = trunk.featurize(names)
    assert trunk.labels[:3] == ("base z_gap", "base b_modulus", "base trunk 1")
    assert (x.shape, x.dtype, reasons) == ((50, 2 + 8), np.float32, {})
    base = trunk.base
    targets, _ = base.predict(elemental_fractions.featurize(names)[0])
    np.testing.assert_allclose(x[:, :2], (targets - base.standard.center) / base.standard.scale, atol=2e-3)
    assert np.abs(np.corrcoef(x[:, 0], [value(name) for name in names])[0, 1]) > 0.9


def test_no_size_of_a_batch_shows(trunk, monkeypatch):
    names = compositions(60)
    whole, _ = trunk.featurize(names)
    monkeypatch.setattr("elemflow.multitask.trunk.BATCH_ROWS", 7)
    assert trunk.featurize(names)[0].tobytes() == whole.tobytes()
    assert trunk.featurize(names[:1])[0].tobytes() == whole[:1].tobytes()
    assert trunk.featurize([])[0].shape == (0, len(trunk.labels))


def test_rows_that_an_input_cannot_describe_have_its_reason(trunk):
    assert list(trunk.featurize(["LiO", "HeO"])[1]) == [1]


def test_another_file_than_the_declared_one_is_refused(trunk, tmp_path):
    with pytest.raises(DataError, match="SHA-256"):
        Trunk(trunk._file, "0" * 64).featurize(["LiO"])
    (tmp_path / "x.elemflow").write_bytes(b"no base")
    with pytest.raises(DataError, match=r"x\.elemflow"):
        _ = Trunk(str(tmp_path / "x.elemflow"), "0" * 64).labels


def test_what_was_seen_is_counted_by_head_with_the_error_on_both_parts(trunk):
    names = compositions(80)
    seen = trunk.base.seen.contains(names)
    found = seen_facts(trunk.base, names, np.where(seen, 1.0, 3.0))
    assert (found["test_seen"], found["test_unseen"]) == (seen.sum(), (~seen).sum())
    assert (found["test_error_seen"], found["test_error_unseen"]) == (1, 3)
    assert 0 < found["test_seen_under"]["b_modulus"] <= found["test_seen_under"]["z_gap"]


@pytest.mark.parametrize("part", PARTS)
def test_parts_are_those_of_the_files_that_ship_and_their_models(root, part, tmp_path):
    module = load_descriptors(part)
    models = load({"studies": ["demo"]}, root).models
    model = {"base": "fine_tuned_base", "base_benchmark": "fine_tuned_benchmark_base"}[part]
    assert module.VERSION == sha256_file(root / module.FILE) == models[model].written["sha256"]
    assert len(module.LABELS) == len(module.UNITS) == 28 + 128
    assert natural_scaling(part) == "unit_rows"
    assert parts_of(f"{part}+ef") == [part, "ef"]
    assert FEATURES[part].startswith("elemflow.multitask.")


def test_extra_trees_learn_more_from_the_base_than_from_fractions(root, tmp_path):
    table = pd.read_csv(root / "resources/data/kefe.csv.gz", keep_default_na=False, na_values=[""]).head(400)
    names = [canonical(formula) for formula in table["formula"]]
    pd.DataFrame({"material_id": names, "composition": names}).to_parquet(tmp_path / "materials.parquet")
    features = {}
    for part in ("base_benchmark", "ef"):
        featurize_chunk(
            part, tmp_path / "materials.parquet", tmp_path / f"{part}.parquet", tmp_path / "rejected.parquet"
        )
        features[part] = read_features([tmp_path / f"{part}.parquet"], names)[1]
    assert read_metadata(tmp_path / "base_benchmark.parquet")["version"] == load_descriptors("base_benchmark").VERSION
    y = table["expt_form_e"].to_numpy()
    errors = {}
    for part, x in features.items():
        trees = ExtraTreesRegressor(50, random_state=0).fit(x[:200], y[:200])
        errors[part] = np.abs(trees.predict(x[200:]) - y[200:]).mean()
    assert errors["base_benchmark"] < 0.7 * errors["ef"]
