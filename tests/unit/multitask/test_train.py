"""Joint tables and pre-training: labels by composition, weights of heads, sampling, checkpoints."""

import numpy as np
import pandas as pd
import pytest
from factories.bases import stopped_at_first_checkpoint

from elemflow.config.base import Base, Head, Schedule
from elemflow.core.errors import DataError
from elemflow.core.files import read_json
from elemflow.features.store import featurize_chunk
from elemflow.multitask import train
from elemflow.multitask.job import Network, read_network, rows_of, train_network, with_labels, write_network
from elemflow.multitask.joint import Evaluated, read_joint, write_joint
from elemflow.multitask.seen import is_held_out
from elemflow.multitask.steps import start

HEADS = {
    "gap": Head(dataset="a", property="gap", title="", group="gap"),
    "modulus": Head(dataset="b", property="k", title="", group="k", transform="log10", maximum=1e4),
}
DECLARED = {
    "title": "toy",
    "representation": "ef",
    "heads": {name: head.plain() for name, head in HEADS.items()},
    "network": {"stacks": [{"width": 8, "layers": 2}]},
    "training": {"epochs": 3, "batch_size": 8, "sampled": "a", "sampled_rows": 8},
    "held_out": 0.2,
}


def materials(path, compositions, **columns):
    pd.DataFrame({"composition": compositions, **columns}).to_parquet(path)
    return path


@pytest.fixture(name="joint")
def _joint(tmp_path):
    names = list(
        dict.fromkeys(f"Al{n}O{m}" for n, m in [(a, b) for a in range(1, 9) for b in range(1, 9) if np.gcd(a, b) == 1])
    )
    tables = {
        "a": materials(tmp_path / "a.parquet", names, gap=np.linspace(0, 5, len(names))),
        "b": materials(tmp_path / "b.parquet", names[:20], k=[0.0, 1e5, *np.geomspace(1, 100, 18)]),
    }
    write_joint(HEADS, tables, [], 0.2, tmp_path / "joint.parquet", tmp_path / "joint.json")
    featurize_chunk("ef", tmp_path / "joint.parquet", tmp_path / "ef.parquet", tmp_path / "rejected.parquet")
    return tmp_path / "joint.parquet"


def test_a_joint_table_has_each_composition_once_and_gaps_where_a_member_has_no_value(joint):
    train_rows, held = read_joint(joint, "train"), read_joint(joint, "held_out")
    assert len({*train_rows.composition, *held.composition}) == len(train_rows.composition) + len(held.composition)
    assert [is_held_out(name, 0.2) for name in held.composition] == [True] * len(held.composition)
    report = read_json(joint.with_suffix(".json"))
    assert report["heads"]["modulus"] == {"values": 18, "outside": 1, "no_logarithm": 1}
    known = ~np.isnan(np.concatenate([train_rows.targets, held.targets])[:, 1])
    assert known.sum() == 18
    assert np.nanmax(np.concatenate([train_rows.targets, held.targets])[:, 1]) == pytest.approx(2)


def test_compositions_of_excluded_datasets_are_not_in_the_table(tmp_path):
    tables = {
        "a": materials(tmp_path / "a.parquet", ["AlO", "FeO"], gap=[1.0, 2.0]),
        "c": materials(tmp_path / "c.parquet", ["FeO"], x=[0.0]),
    }
    write_joint({"gap": HEADS["gap"]}, tables, ["c"], 0.01, tmp_path / "j.parquet", tmp_path / "j.json")
    assert read_joint(tmp_path / "j.parquet", "train").composition.tolist() == ["AlO"]


def test_compositions_that_runs_are_evaluated_on_are_not_in_the_table(tmp_path):
    tables = {"a": materials(tmp_path / "a.parquet", ["AlO", "FeO", "LiO"], gap=[1.0, 2.0, 3.0])}
    tested = materials(tmp_path / "t.parquet", ["FeO", "OLi", "AlO"], material_id=["f", "l", "a"])
    split = tmp_path / "split.parquet"
    roles = {"material_id": ["f", "l", "a"], "member": [0, 0, 0], "role": ["test", "validation", "train"]}
    pd.DataFrame(roles).to_parquet(split)
    for wanted, left in ((["test"], ["AlO", "LiO"]), (["validation", "test"], ["AlO"])):
        exclude = [Evaluated(split, tested, wanted)]
        write_joint({"gap": HEADS["gap"]}, tables, exclude, 1e-9, tmp_path / "j.parquet", tmp_path / "j.json")
        assert read_joint(tmp_path / "j.parquet", "train").composition.tolist() == left


def test_two_materials_of_one_composition_are_refused(tmp_path):
    table = materials(tmp_path / "a.parquet", ["AlO", "AlO"], gap=[1.0, 2.0])
    with pytest.raises(DataError, match="AlO"):
        write_joint({"gap": HEADS["gap"]}, {"a": table}, [], 0.1, tmp_path / "j.parquet", tmp_path / "j.json")


def test_a_head_without_spread_is_refused():
    with pytest.raises(DataError, match="gap"):
        train.standardise(np.ones((4, 1)), ("gap",))
    with pytest.raises(DataError, match="gap"):
        train.standardise(np.full((4, 1), np.nan), ("gap",))


def test_each_epoch_takes_the_next_sampled_rows_and_all_others():
    rows = train.TrainingRows(np.zeros((10, 1)), np.zeros((10, 1)), np.arange(6), np.arange(6, 10))
    schedule = Schedule(epochs=1, batch_size=1, sampled="a", sampled_rows=3)
    epochs = [train.rows_of_epoch(rows, schedule, 1, epoch) for epoch in (1, 2)]
    assert all({6, 7, 8, 9} < set(epoch) for epoch in epochs)
    assert {*epochs[0], *epochs[1]} == set(range(10))


def test_weights_of_heads_favour_rare_labels_and_sum_to_one_in_a_mean_batch():
    y = np.full((100, 2), np.nan)
    y[:, 0], y[:10, 1] = 1, 1
    rows = train.TrainingRows(np.zeros((100, 1)), y, np.array([], int), np.arange(100))
    standard = train.Standard(np.zeros(2), np.ones(2), np.array([100, 10]))
    schedule = Schedule(epochs=1, weight_labels=100)
    weights = train.head_weights(rows, standard, np.ones(2), schedule)
    assert weights[1] / weights[0] == pytest.approx(10**0.3, rel=1e-5)
    assert weights @ [1, 0.1] == pytest.approx(1, rel=1e-5)


def test_a_training_that_is_stopped_ends_with_the_same_bytes(joint, tmp_path):
    base = Base.read(DECLARED)
    features = [tmp_path / "ef.parquet"]
    train_network(base, 0, joint, features, tmp_path / "whole.npz", tmp_path / "check.npz")
    with stopped_at_first_checkpoint():
        train_network(base, 0, joint, features, tmp_path / "again.npz", tmp_path / "check.npz")
    assert (tmp_path / "check.npz").exists()
    train_network(base, 0, joint, features, tmp_path / "again.npz", tmp_path / "check.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert not (tmp_path / "check.npz").exists()


def test_a_base_continues_from_the_network_of_another_on_the_heads_it_names(joint, tmp_path):
    features = [tmp_path / "ef.parquet"]
    train_network(Base.read(DECLARED), 0, joint, features, tmp_path / "first.npz", tmp_path / "check.npz")
    schedule = {"epochs": 2, "batch_size": 8, "learning_rate": 0.0}
    declared = {**DECLARED, "training": schedule, "start_from": "first", "trained_heads": ["modulus"]}

    def trained(rate):
        base = Base.read({**declared, "training": {**schedule, "learning_rate": rate}})
        train_network(
            base, 0, joint, features, tmp_path / "n.npz", tmp_path / "check.npz", first=tmp_path / "first.npz"
        )
        return read_network(tmp_path / "n.npz")

    first, still, moved = read_network(tmp_path / "first.npz"), trained(0.0), trained(1e-2)
    for name, before in first.weights.items():
        np.testing.assert_array_equal(still.weights[name], before)
    np.testing.assert_array_equal(moved.scaling.mean, first.scaling.mean)
    np.testing.assert_array_equal(moved.standard.center, first.standard.center)
    assert moved.weights["output/bias"][1] != first.weights["output/bias"][1]
    assert moved.weights["output/bias"][0] == first.weights["output/bias"][0], "no label of the gap is learned"


def test_rows_without_a_label_of_the_trained_heads_are_left_out(joint, tmp_path):
    rows, x = rows_of(joint, [tmp_path / "ef.parquet"], "train")
    found, kept = with_labels(rows, x, ["modulus"])
    labelled = ~np.isnan(rows.targets[:, 1])
    assert found.composition.tolist() == rows.composition[labelled].tolist()
    np.testing.assert_array_equal(kept, x[labelled])
    np.testing.assert_array_equal(found.targets[:, 1], rows.targets[labelled, 1])
    assert np.isnan(found.targets[:, 0]).all()
    with pytest.raises(DataError, match="trained_heads"):
        with_labels(found, kept, ["gap"])


def test_a_damaged_checkpoint_starts_the_training_again(tmp_path):
    path = tmp_path / "check.npz"
    path.write_bytes(b"PK no zip")
    state = start({"output/kernel": np.zeros((1, 1), np.float32)})
    assert train._restore(path, "identity", state) == (state, 0)


def test_a_network_is_read_as_it_was_written(joint, tmp_path):
    rows, x = rows_of(joint, [tmp_path / "ef.parquet"], "train")
    scaling = train.fit_inputs(x, [("ef", x.shape[1])])
    network = Network(
        {"output/kernel": np.ones((2, 2), np.float32)}, scaling, train.standardise(rows.targets, rows.heads)
    )
    write_network(tmp_path / "n.npz", network)
    found = read_network(tmp_path / "n.npz")
    np.testing.assert_array_equal(found.weights["output/kernel"], network.weights["output/kernel"])
    np.testing.assert_array_equal(found.standard.center, network.standard.center)
    np.testing.assert_array_equal(found.scaling.apply(x), scaling.apply(x))
