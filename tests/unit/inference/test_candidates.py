import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from factories.toy import PROTOCOL, TRAINING, build
from factories.training import NETWORK, make_run, process_backend
from sklearn.linear_model import LinearRegression

from elemflow.chemistry.crystal import encode, make_crystal
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json, write_parquet
from elemflow.estimators.storage import save_estimator
from elemflow.features.store import featurize_chunk
from elemflow.inference.candidates import (
    RankingInputs,
    predict_candidates,
    rank_candidates,
    roles_seen,
    write_ranking,
)
from elemflow.inference.trained_run import TrainedRun
from elemflow.reporting.candidates_page import RankedRun, write_lists
from elemflow.training.fine_tuning import PretrainingFiles
from elemflow.training.storage import write_run_config

RIDGE = {"kind": "estimator", "estimator": "ridge"}
B2 = [[0, 0, 0], [0.5, 0.5, 0.5]]


def crystal(first, second, cell=(3, 3, 3)):
    return encode(make_crystal(np.diag(cell), [first, second], B2))


@pytest.fixture
def search(tmp_path):
    """Three candidates in B2; the model predicts the fraction of nickel, of copper twice that."""
    pairs = [("Al", "Ni"), ("Cu", "Ni"), ("Al", "Cu")]
    ids = ["AlNi#1", "CuNi#2", "AlCu#3"]
    candidates = pd.DataFrame({"material_id": ids, "composition": [name[:-2] for name in ids],
                               "entry_id": ["1", "2", "3"], "structure": [crystal(*pair) for pair in pairs]})  # fmt: skip
    candidates.to_parquet(tmp_path / "candidates.parquet")
    featurize_chunk("ef", tmp_path / "candidates.parquet", tmp_path / "ef.parquet", tmp_path / "rejected.parquet")
    known = pd.DataFrame(
        [
            ("AlNi#a", "AlNi", -0.4, crystal("Al", "Ni")),
            ("AlNi#b", "AlNi", -0.6, crystal("Ni", "Al", (2.9, 2.9, 2.9))),
            ("AlCu#a", "AlCu", -0.2, crystal("Al", "Cu")),
            ("AlCu#b", "AlCu", -9.0, crystal("Al", "Cu", (3, 3, 4))),  # another space group
            ("CuNi#a", "CuNi", -1.0, None),
        ],
        columns=["material_id", "composition", "energy", "structure"],
    )
    known.to_parquet(tmp_path / "known.parquet")
    split = pd.DataFrame(
        [("AlCu#a", 0, "train"), ("AlNi#a", 0, "test"), ("AlCu#a", 1, "validation"), ("AlNi#b", 1, "train")],
        columns=["material_id", "member", "role"],
    )
    split.to_parquet(tmp_path / "split.parquet")
    labels = list(pd.read_parquet(tmp_path / "ef.parquet").columns[1:])
    x = np.eye(86)
    y = -1.0 * x[:, labels.index("Ni")] - 2.0 * x[:, labels.index("Cu")]
    (tmp_path / "model").mkdir()
    for member in range(2):
        save_estimator(LinearRegression().fit(x, y + member * 0.1), tmp_path / "model" / f"member-{member}.skops")
    write_run_config(tmp_path / "model", make_run(RIDGE, stopped_by("test"), property="energy"))
    write_json(tmp_path / "run_info.json", {"not_run": None})
    return tmp_path


def stopped_by(monitor):
    early_stopping = {"monitor": monitor, "patience": 5} if monitor else None
    return PROTOCOL | {"training": TRAINING | {"early_stopping": early_stopping}}


def rank(folder, report="mean", pretrained=None):
    inputs = RankingInputs(
        candidates=folder / "candidates.parquet",
        features=[folder / "ef.parquet"],
        known=folder / "known.parquet",
        split=folder / "split.parquet",
        model_folder=folder / "model",
        run_info=folder / "run_info.json",
        report=report,
        pretrained=pretrained,
    )
    ranking = rank_candidates(inputs)
    write_ranking(ranking, folder / "ranked.csv", folder / "score.json")
    ranked_by = RankedRun(ranking.config.run, ranking.config.property.unit)
    write_lists(ranking.table, ranked_by, ranking.score, folder / "ranked.md", folder / "ranked.html")
    return pd.read_csv(folder / "ranked.csv", keep_default_na=False), read_json(folder / "score.json")


def test_candidates_are_ranked_by_the_mean_over_members(search):
    table, score = rank(search)
    assert table["composition"].tolist() == ["CuNi", "AlCu", "AlNi"]
    assert table["prediction"].to_numpy() == pytest.approx([-1.45, -0.95, -0.45], abs=1e-3)
    assert table["spread"].to_numpy() == pytest.approx(0.1 / np.sqrt(2), abs=1e-3)
    assert score["candidates"] == 3


def test_known_entries_of_the_structure_are_evaluated_with_the_members_that_saw_none_of_the_composition(search):
    table, score = rank(search)
    shown = table.set_index("composition")
    assert shown["known"].to_dict() == {"CuNi": "", "AlCu": "-0.2", "AlNi": "-0.6"}
    assert shown["unseen_by"].to_dict() == {"CuNi": "", "AlCu": "0", "AlNi": "1"}
    assert shown["unseen_prediction"][["CuNi", "AlCu"]].tolist() == ["", ""]
    assert float(shown["unseen_prediction"]["AlNi"]) == pytest.approx(-0.5, abs=1e-3)  # member 0; the mean is -0.45
    assert (score["known"], score["known_and_unseen"]) == (2, 1)
    assert score["mae"] == pytest.approx(0.1, abs=1e-3)
    assert "run toy/energy/ef/m/p" in (search / "ranked.md").read_text()
    assert "over the entries evaluated (1): 0.100 eV" in (search / "ranked.md").read_text()
    assert "| -0.450 | 0.071 | -0.600 | 1 | -0.500 |" in (search / "ranked.md").read_text()
    assert (search / "ranked.html").read_text().count("<tr>") == 4


def test_an_entry_with_several_candidates_is_evaluated_once_with_the_lowest(search):
    candidates = pd.read_parquet(search / "candidates.parquet")
    swapped = candidates.iloc[[0]].assign(material_id="AlNi#4", entry_id="4")
    pd.concat([candidates, swapped], ignore_index=True).to_parquet(search / "candidates.parquet")
    features = pd.read_parquet(search / "ef.parquet")
    other = features.iloc[[0]].assign(material_id="AlNi#4")
    other[["Ni", "Al"]] = [[0.6, 0.4]]
    pd.concat([features, other], ignore_index=True).to_parquet(search / "ef.parquet")
    table, score = rank(search)
    assert table.loc[table["composition"] == "AlNi", "unseen_prediction"].astype(float).tolist() == pytest.approx(
        [-0.6, -0.5], abs=1e-3
    )
    assert (score["known"], score["known_and_unseen"], score["entries_evaluated"]) == (3, 2, 1)
    assert score["mae"] == pytest.approx(0.0, abs=1e-3)


def test_test_materials_are_seen_where_they_select_the_member(search):
    table, score = rank(search, report="best_on_test")
    assert table.set_index("composition")["unseen_by"].to_dict() == {"CuNi": "", "AlCu": "0", "AlNi": "0"}
    assert (score["known_and_unseen"], score["mae"]) == (0, None)


@pytest.mark.parametrize(
    ("model", "monitor", "seen"),
    [
        (NETWORK, "test", ("train", "validation", "test")),
        (NETWORK, "validation", ("train", "validation")),
        (NETWORK, None, ("train", "validation")),
        (RIDGE, "test", ("train", "validation")),
    ],
)
def test_test_materials_are_seen_where_they_stop_the_training(model, monitor, seen):
    assert roles_seen(make_run(model, stopped_by(monitor))) == seen


@pytest.mark.parametrize(
    ("monitor", "role", "by"),
    [("validation", "train", "0"), ("validation", "test", "1"), ("test", "test", "0")],
)
def test_what_the_pretraining_run_saw_is_seen(search, monitor, role, by):
    files = PretrainingFiles(search / "source", search / "source.parquet", search / "others.parquet")
    files.model.mkdir()
    write_run_config(files.model, make_run(NETWORK, stopped_by(monitor)))
    # Another spelling of AlNi, which member 0 of the run has in its test set only.
    pd.DataFrame({"material_id": ["Ni2Al2"], "composition": ["Ni2Al2"]}).to_parquet(files.materials)
    rows = [("Ni2Al2", 0, role), ("Ni2Al2", 1, role)]
    pd.DataFrame(rows, columns=["material_id", "member", "role"]).to_parquet(files.split)
    table, _ = rank(search, pretrained=files)
    assert table.set_index("composition")["unseen_by"].to_dict() == {"CuNi": "", "AlCu": "0", "AlNi": by}


def test_a_dataset_without_structures_evaluates_nothing(search):
    pd.read_parquet(search / "known.parquet").drop(columns="structure").to_parquet(search / "known.parquet")
    table, score = rank(search)
    assert set(table["known"]) == {""}
    assert score["mae"] is None


def test_a_run_without_a_result_is_refused(search):
    info = json.loads((search / "run_info.json").read_text())
    write_json(search / "run_info.json", info | {"not_run": "too large"})
    with pytest.raises(DataError, match="too large"):
        rank(search)


def test_a_candidate_that_the_network_cannot_read_is_named(tmp_path):
    columns = {"material_id": ["NaCl", "CaTiO3"], "ef_a": [0.5, 0.2], "ef_b": [0.5, 0.2], "ef_c": [0.0, 0.6]}
    write_parquet(tmp_path / "ef.parquet", pa.table(columns), {"part": "ef", "labels": ["ef_a", "ef_b", "ef_c"]})
    spec = {"family": "recurrent", "max_elements": 2, "lstm_width": 2, "highway_layers": 1, "gate_bias": -1.0}
    write_run_config(tmp_path / "model", make_run({"kind": "network", "spec": spec}))
    process_backend().start("tensorflow")
    build(spec, 3, seed=0).save(tmp_path / "model/member-0.keras")
    with pytest.raises(DataError, match="'CaTiO3'"):
        predict_candidates(TrainedRun(tmp_path / "model", process_backend()), [tmp_path / "ef.parquet"])
