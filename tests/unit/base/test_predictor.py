"""Predictions of a base: columns, intervals, flags, choice of properties."""

import dataclasses

import numpy as np
import pytest

from elemflow.base.predictor import BasePredictor
from elemflow.chemistry.composition import amounts
from elemflow.core.errors import DataError
from elemflow.multitask.file import read_base, write_base
from elemflow.multitask.joint import HELD_OUT, TRAIN, read_joint


def test_each_head_has_value_interval_flag_and_whether_it_was_trained_on(file):
    frame = BasePredictor(file).frame(["LiO", "NaFeO2", "nonsense", "LiU"])
    for name in ("z_gap", "b_modulus"):
        rows = frame[[name, f"{name}_lower", f"{name}_upper"]].to_numpy()[:2].astype(float)
        assert (rows[:, 1] <= rows[:, 0]).all()
        assert (rows[:, 0] <= rows[:, 2]).all()
        assert (rows >= 0).all()
    assert frame["reason"].notna().tolist() == [False, False, True, True] or frame["z_gap_flag"][3] == "unseen"
    assert np.isnan(frame["z_gap"][2])


def test_properties_are_chosen_by_id_or_group_with_equal_numbers(file):
    whole, one = BasePredictor(file), BasePredictor(file, ["modulus"])
    assert [whole.base.heads[place] for place in one.heads] == ["b_modulus"]
    names = ["LiO", "NaFeO2", "K2S"]
    np.testing.assert_allclose(one.frame(names)["b_modulus"], whole.frame(names)["b_modulus"], rtol=1e-6)
    with pytest.raises(DataError, match="modulus"):
        BasePredictor(file, ["moduluss"])


def test_properties_are_chosen_by_the_titles_that_predictions_show(file):
    facts = BasePredictor(file).base.facts.heads
    for place, head in enumerate(facts):
        assert BasePredictor(file, [head.title]).heads == [place]
        assert BasePredictor(file, [head.id.upper()]).heads == [place]


def test_a_composition_of_the_training_set_is_marked(file, base_inputs):
    for role, expected in ((TRAIN, True), (HELD_OUT, False)):
        names = read_joint(base_inputs.joint, role).composition[:5].tolist()
        assert (BasePredictor(file).frame(names)["z_gap_training"] == expected).all()


def test_wider_levels_give_wider_intervals(file):
    narrow, wide = (BasePredictor(file, ["z_gap"], level).frame(["LiO"]) for level in (50, 90))
    assert (wide["z_gap_upper"] - wide["z_gap_lower"] > narrow["z_gap_upper"] - narrow["z_gap_lower"]).all()


def test_a_level_beyond_the_held_out_rows_has_no_interval_rather_than_an_infinite_one(file):
    predictor = BasePredictor(file, level=99)
    frame = predictor.frame(["LiO", "NaFeO2"])
    assert predictor.without_intervals
    for name in predictor.without_intervals:
        assert np.isfinite(frame[name]).all()
        assert frame[[f"{name}_lower", f"{name}_upper"]].isna().any(axis=None)
    ends = frame.filter(regex="_(lower|upper)$").to_numpy(dtype=float)
    assert not np.isinf(ends).any()
    assert np.nanmax(np.abs(ends), initial=0) < 1e200
    with pytest.raises(DataError, match="Did you mean 90"):
        BasePredictor(file, level=0.9)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no\.elemflow"):
        BasePredictor(tmp_path / "no.elemflow")


def test_known_values_stand_next_to_predictions_for_any_spelling_of_a_composition(file, base_inputs):
    predictor = BasePredictor(file, known=True)
    for role in (TRAIN, HELD_OUT):
        joint = read_joint(base_inputs.joint, role)
        truth = joint.targets.astype(float)
        truth[:, 1] = 10 ** truth[:, 1]
        frame = predictor.frame([f"({name})3" for name in joint.composition])
        found = frame[["z_gap_known", "b_modulus_known"]].to_numpy(float)
        np.testing.assert_allclose(found, truth, rtol=2e-4, atol=1e-3)
        assert (frame["b_modulus_training"] == ((role == TRAIN) & frame["b_modulus_known"].notna())).all()
        assert not np.array_equal(frame["z_gap"].to_numpy(float), found[:, 0])
    assert predictor.frame(["LiO", "LiU"])["z_gap_known"].isna().tolist()[1]


def test_rounded_fractions_find_the_known_value_of_their_composition(file, base_inputs):
    names = read_joint(base_inputs.joint, TRAIN).composition
    name = next(each for each in names if sum(amounts(each).values()) == 7)
    predictor = BasePredictor(file, ["gap"], known=True)
    found = amounts(name)
    total = sum(found.values())
    rounded = "".join(f"{symbol}{amount / total:.4f}" for symbol, amount in found.items())
    values = predictor.frame([name, rounded])["z_gap_known"]
    assert values[0] == values[1]


def test_known_values_are_not_given_unasked_and_not_by_a_base_without(file, tmp_path):
    assert not any(name.endswith("_known") for name in BasePredictor(file).frame(["LiO"]))
    base = read_base(file)
    write_base(tmp_path / "without.elemflow", dataclasses.replace(base, known_values=b""), {})
    assert BasePredictor(tmp_path / "without.elemflow", known=None).known is None
    with pytest.raises(DataError, match="no known values"):
        BasePredictor(tmp_path / "without.elemflow", known=True)


def test_damaged_known_values_are_refused(file, tmp_path):
    base = read_base(file)
    write_base(tmp_path / "damaged.elemflow", dataclasses.replace(base, known_values=base.known_values[:-30]), {})
    with pytest.raises(DataError, match="known values"):
        BasePredictor(tmp_path / "damaged.elemflow", known=True)
    content = file.read_bytes()
    place = content.index(base.known_values) + len(base.known_values) // 2
    (tmp_path / "changed.elemflow").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(DataError, match=r"known\.npz|damaged"):
        BasePredictor(tmp_path / "changed.elemflow")


def test_a_missing_formula_has_a_reason(file):
    found = BasePredictor(file).frame(["LiO", None, float("nan")])
    assert found["reason"].tolist() == [None, "the formula is empty", "the formula is empty"]
    assert found["z_gap"].notna().tolist() == [True, False, False]
