"""Predictions of a base: columns, intervals, flags, choice of properties."""

import numpy as np
import pytest

from elemflow.base.predictor import BasePredictor
from elemflow.core.errors import DataError


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


def test_a_composition_of_the_training_set_is_marked(file, base_inputs):
    from elemflow.multitask.joint import HELD_OUT, TRAIN, read_joint

    for role, expected in ((TRAIN, True), (HELD_OUT, False)):
        names = read_joint(base_inputs.joint, role).composition[:5].tolist()
        assert (BasePredictor(file).frame(names)["z_gap_training"] == expected).all()


def test_wider_levels_give_wider_intervals(file):
    narrow, wide = (BasePredictor(file, ["z_gap"], level).frame(["LiO"]) for level in (50, 90))
    assert (wide["z_gap_upper"] - wide["z_gap_lower"] > narrow["z_gap_upper"] - narrow["z_gap_lower"]).all()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no\.elemflow"):
        BasePredictor(tmp_path / "no.elemflow")
