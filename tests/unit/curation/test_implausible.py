"""What curation warns of: implausible lowest values, and compositions that may be one."""

from pathlib import Path

import numpy as np
import pytest
from factories.curation import run
from hypothesis import given
from hypothesis import strategies as st

from elemflow.chemistry.composition import amounts, canonical
from elemflow.curation.near_compositions import NEAR, near_compositions
from elemflow.curation.outliers import far_below, second_lowest

METALS = ["Li", "Na", "K", "Rb", "Cs", "Cu", "Ag"]
SALTS = [f"{metal}{halogen}" for metal in METALS for halogen in ("F", "Cl", "Br", "I")]
TABLE = "formula,e\n" + "".join(f"{salt},{-2 - (7 * i % 28) / 10}\n" for i, salt in enumerate(SALTS))


def test_an_implausible_ground_state_is_a_warning_and_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # Three of them far apart, so that none is a lone number at the edge of the column.
    wrong = "Mg2Dy,-98.07\nDyMg2,-2.55\nMg2Re,-94\nGdMg2,-60\n"
    outcome = run(tmp_path, TABLE + wrong)
    assert "far from all others" not in caplog.text
    assert "3 of the lowest values of 'energy'" in caplog.text
    assert "DyMg2 -98.07 (next -2.55), Mg2Re -94, GdMg2 -60." in caplog.text
    assert outcome.energies["DyMg2"] == -98.07
    assert outcome.rejected.empty


def test_plain_energies_and_other_rules_are_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, TABLE + "NaCl,-1\n")
    run(tmp_path, TABLE + "DyMg2,-98\nMg2Re,-94\nGdMg2,-60\n", keep={"rule": "first"})
    assert not caplog.text


def test_a_jump_above_which_the_rest_lies_is_implausible_and_one_below_is_not() -> None:
    lowest = np.concatenate([np.linspace(-1, 1, 30), [-6.0, -1.0, np.nan]])
    following = np.full(33, np.nan)
    following[30:32] = [4.5, 300.0]
    assert far_below(lowest, following).tolist() == [30]
    assert not len(far_below(lowest[-10:], following[-10:])), "too few to have a spread"
    assert not len(far_below(np.zeros(40), np.full(40, np.nan)))


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([-1.0, 0.0, 2.5, np.nan])), max_size=12))
def test_second_lowest_is_that_of_sorted_groups(rows: list[tuple[int, float]]) -> None:
    codes = np.array([code for code, _ in rows], int)
    values = np.array([value for _, value in rows], float)
    for code, found in enumerate(second_lowest(codes, values, np.arange(5))):
        group = sorted(value for other, value in rows if other == code and value == value)  # noqa: PLR0124  NaN
        assert np.array_equal(found, group[1] if len(group) > 1 else np.nan, equal_nan=True)


def test_one_composition_in_two_roundings_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outcome = run(tmp_path, "formula,e\nAg2Pr,-1\nAg66.67Pr33.33,-1\nAg67Pr33,-1\nAgPr,-1\nAg2Pr2O,-1\n")
    assert len(outcome.materials) == 5
    assert "3 of 5 compositions differ" in caplog.text
    assert "less than 0.5 at.%" in caplog.text
    assert "such as Ag2Pr and Ag" in caplog.text


@given(st.sets(st.tuples(st.sampled_from(["FeCo", "FeNi", "FeCoNi"]), *[st.integers(1, 300)] * 3), max_size=25))
def test_near_compositions_are_those_of_all_pairs(rows: set[tuple[str, int, int, int]]) -> None:
    systems = {"FeCo": ("Fe", "Co"), "FeNi": ("Fe", "Ni"), "FeCoNi": ("Fe", "Co", "Ni")}
    names = sorted(
        {canonical("".join(f"{e}{n}" for e, n in zip(systems[key], held, strict=False))) for key, *held in rows}
    )
    fractions = [{e: float(n / sum(amounts(name).values())) for e, n in amounts(name).items()} for name in names]

    def near(bound: float) -> int:
        return sum(
            any(
                each is not other and each.keys() == other.keys() and max(abs(each[e] - other[e]) for e in each) < bound
                for other in fractions
            )
            for each in fractions
        )

    found = near_compositions(names)
    assert near(NEAR - 1e-12) <= (found.rows if found else 0) <= near(NEAR + 1e-12)
    if found:
        ours, theirs = (fractions[names.index(name)] for name in found.example)
        assert found.example[0] != found.example[1]
        assert max(abs(ours[e] - theirs[e]) for e in ours) <= NEAR + 1e-12
