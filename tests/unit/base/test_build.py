"""The file of a base: equal bytes, errors on held-out compositions, card, and what is refused."""

import json

import numpy as np
import pytest
from factories.base_toy import CFG, DECLARED

from elemflow.base.build import build_base
from elemflow.base.predictor import count_elements, flags_of
from elemflow.chemistry.composition import SYMBOLS
from elemflow.config.base import Base
from elemflow.core.archive import read_members
from elemflow.core.errors import DataError, TrainingError
from elemflow.multitask.file import halved, read_base, write_base
from elemflow.multitask.joint import HELD_OUT, TRAIN, read_joint


def test_equal_networks_give_equal_bytes(built, base_inputs, tmp_path):
    out = tmp_path / "again.elemflow"
    build_base("toy", Base.read(DECLARED), CFG, base_inputs, out, {"commit": "abc"})
    assert out.read_bytes() == built[0].read_bytes()


def test_the_base_has_learned_and_its_errors_are_those_of_held_out_rows(built, base_inputs):
    errors = built[1].set_index("head")
    held = read_joint(base_inputs.joint, HELD_OUT)
    assert errors.loc["z_gap", "rows"] == np.sum(~np.isnan(held.targets[:, 0]))
    assert errors.loc["z_gap", "mae"] < 0.5 * errors.loc["z_gap", "dummy"]
    assert 0.6 < errors.loc["z_gap", "coverage_90"] <= 1


def test_every_training_composition_is_in_the_list_and_no_held_out_one(file, base_inputs):
    base = read_base(file)
    assert base.seen.contains(read_joint(base_inputs.joint, TRAIN).composition.tolist()).all()
    assert not base.seen.contains(read_joint(base_inputs.joint, HELD_OUT).composition.tolist()).any()


def test_the_card_names_licences_what_was_left_out_and_every_head(file):
    _, members = read_members(file, "README.md", "model_card.json")
    card = members["README.md"].decode()
    for part in ("CC BY 4.0", "someone2020", "no licence", "`z_gap`", "`b_modulus`", "abc"):
        assert part in card
    assert json.loads(members["model_card.json"])["held_out"] > 0


def test_parts_of_the_errors_by_elements_and_chemistry_are_whole(built):
    for _, line in built[1].iterrows():
        for kind in ("elements", "class"):
            parts = [name for name in line.index if name.startswith(f"rows, {kind} ")]
            assert sum(line[parts]) == line["rows"]
            shares = (line[name] * (line[name.replace("rows", "mae")] or 0) for name in parts if line[name])
            assert sum(shares) == pytest.approx(line["mae"] * line["rows"])
    assert built[1]["rows, elements 4+"].eq(0).all()
    assert built[1]["rows, elements 1-2"].gt(0).all()


def test_the_card_has_intervals_by_elements_and_chemistry_and_says_what_is_known(file):
    _, members = read_members(file, "README.md")
    card = members["README.md"].decode()
    assert "| `z_gap` | eV |" in card.split("### By number of elements")[1]
    assert "intermetallics" in card.split("### By chemistry")[1]
    assert "to 0.001: `z_gap`" in card


def test_changed_weights_are_refused(file, tmp_path):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged.elemflow").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        read_base(tmp_path / "damaged.elemflow")


def test_weights_of_another_network_are_refused(file, tmp_path):
    base = read_base(file)
    weights = [{**each, "output/bias": np.zeros(5, np.float32)} for each in base.weights]
    write_base(tmp_path / "x.elemflow", type(base)(**{**vars(base), "weights": weights}), {})
    with pytest.raises(DataError, match="weights"):
        read_base(tmp_path / "x.elemflow")


def test_features_of_another_version_are_refused(file, tmp_path):
    base = read_base(file)
    facts = base.facts.but(feature_versions={"ef": "0"})
    with pytest.raises(DataError, match="version 0"):
        type(base)(**{**vars(base), "facts": facts}).parts()


@pytest.mark.parametrize("value", [1e6, np.nan, -np.inf])
def test_weights_beyond_float16_are_refused(value):
    with pytest.raises(TrainingError, match="float16"):
        halved("output/kernel", np.array([1.0, value]))


def test_flags_follow_elements_and_the_spread_of_the_networks():
    names = ["NaCl"] * 6 + ["LiF", "KCl"]
    elements = count_elements(names, np.ones((len(names), 1), bool), len(SYMBOLS))
    asked = ["NaCl", "NaF", "LiF", "FeO", "Na", "Cl2"]
    spread = np.array([[0.1], [0.1], [0.1], [0.1], [0.1], [0.5]])
    assert flags_of(asked, elements, spread, np.array([0.2]))[:, 0].tolist() == [0, 1, 1, 2, 0, 1]
    assert flags_of(asked, elements, spread * np.nan, np.array([np.nan]))[:, 0].tolist() == [0, 1, 1, 2, 0, 0]
    assert flags_of([], elements, spread[:0], np.array([0.2])).shape == (0, 1)


def test_a_base_is_no_trained_run(file):
    from elemflow.inference.predictor import Predictor

    with pytest.raises(DataError, match="BasePredictor"):
        Predictor(file)
