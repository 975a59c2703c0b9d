import numpy as np
import pandas as pd
import pytest
from factories.toy import build
from factories.training import make_run, process_backend
from sklearn.linear_model import LinearRegression

from elemflow.core.files import sha256_file
from elemflow.estimators.storage import save_estimator
from elemflow.features.scaling import Target, fit_scaling, save_scaling, save_target
from elemflow.features.store import featurize_chunk
from elemflow.inference.importance import Permutations, write_importance
from elemflow.training.storage import write_run_config

SPEC = {
    "family": "dense", "stacks": [{"width": 4, "layers": 1}], "order": ["dense", "activation"],
    "activation": {"name": "relu"}, "shortcut": "none", "projection": "none",
}  # fmt: skip
WEIGHTS = {"O": 3.0, "Fe": -1.0, "Mg": 0.0}


@pytest.fixture
def run(tmp_path):
    """A run of two members whose test materials are oxides, with features and predictions, without a model."""
    rng = np.random.RandomState(0)
    ids = sorted({f"Fe{i}Mg{j}O{k}" for i, j, k in rng.randint(1, 9, (120, 3))})
    materials = pd.DataFrame({"material_id": ids, "composition": ids})
    materials.to_parquet(tmp_path / "materials.parquet")
    featurize_chunk("ef", tmp_path / "materials.parquet", tmp_path / "ef.parquet", tmp_path / "rejected.parquet")
    features = pd.read_parquet(tmp_path / "ef.parquet").set_index("material_id")
    y = features[list(WEIGHTS)].to_numpy(float) @ np.array(list(WEIGHTS.values()))
    table = pd.DataFrame({"material_id": ids, "role": "test", "y_true": y, "y_pred": y})
    other = table.assign(role="validation", y_true=1e6)
    pd.concat([table.assign(member=0), table.iloc[::-2].assign(member=1), other.assign(member=0)]).to_parquet(
        tmp_path / "predictions.parquet"
    )
    (tmp_path / "model").mkdir()
    write_run_config(tmp_path / "model", make_run({"kind": "estimator", "estimator": "ridge"}))
    return tmp_path, features, y


def compute(folder, rows=5000, repeats=3, output="importance.csv"):
    paths = [folder / name for name in ("predictions.parquet", "model", output)]
    write_importance([folder / "ef.parquet"], *paths, Permutations(repeats, rows), process_backend())
    return pd.read_csv(folder / output, keep_default_na=False).set_index(["member", "feature"])


def save_exact_models(run):
    folder, features, y = run
    for member in range(2):
        save_estimator(LinearRegression().fit(features.to_numpy(), y), folder / "model" / f"member-{member}.skops")


def test_the_increase_is_that_of_the_shuffled_input(run):
    save_exact_models(run)
    folder, features, _ = run
    found = compute(folder)
    assert len(found) == 2 * 86
    order = [np.random.RandomState(seed).permutation(len(features)) for seed in range(3)]
    oxygen = features["O"].to_numpy(float)
    slope = LinearRegression().fit(features.to_numpy(), run[2]).coef_[features.columns.get_loc("O")]
    expected = np.mean([np.abs(slope * (oxygen[o] - oxygen)).mean() for o in order])
    assert found.loc[(0, "O"), "increase"] == pytest.approx(expected, rel=1e-3)
    assert found.loc[(0, "K"), "increase"] == 0
    assert found["error"].max() < 1e-5
    assert found.loc[(1, "O"), "rows"] == (len(features) + 1) // 2


def test_the_sample_of_rows_is_the_same_again(run):
    save_exact_models(run)
    found = compute(run[0], rows=10)
    assert set(found["rows"]) == {10}
    compute(run[0], rows=10, output="again.csv")
    assert sha256_file(run[0] / "importance.csv") == sha256_file(run[0] / "again.csv")


def test_one_repetition_has_no_spread(run):
    save_exact_models(run)
    assert set(compute(run[0], repeats=1)["spread"]) == {""}


def test_a_run_without_a_result_gives_an_empty_table(run):
    folder = run[0]
    pd.read_parquet(folder / "predictions.parquet").iloc[:0].to_parquet(folder / "predictions.parquet")
    assert compute(folder).empty


def test_a_network_predicts_with_its_scaling_and_target(run):
    folder, features, y = run
    write_run_config(folder / "model", make_run({"kind": "network", "spec": SPEC}))
    x = features.to_numpy()
    scaling = fit_scaling(x, [("ef", 86)], {"ef": "standard"})
    process_backend().start("tensorflow")
    network = build(SPEC, 86, seed=1)
    for member in range(2):
        network.save(folder / "model" / f"member-{member}.keras")
        save_scaling(folder / "model" / f"member-{member}.scaling.npz", scaling)
        save_target(folder / "model" / f"member-{member}.target.json", Target(center=1.0, scale=2.0))
    found = compute(folder)
    predicted = 2 * np.asarray(network.predict_on_batch(scaling.apply(x)))[:, 0] + 1
    assert found.loc[(0, "O"), "error"] == pytest.approx(np.abs(predicted - y).mean(), rel=1e-5)
    assert found.loc[(0, "K"), "increase"] == 0
