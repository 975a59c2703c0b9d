"""What an exchange of elements does is learned from other pairs of the same elements, and never from the own value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.chemistry.composition import canonical
from elemflow.stability.competition import Compositions
from elemflow.stability.exchanges import LABELS, Exchanges

HALIDES = ("F", "Cl", "Br", "I")
FORMULAS = [canonical(f"{metal}{halide}") for metal in ("Na", "K", "Li") for halide in HALIDES]
PHASES = Compositions.of(FORMULAS)


def columns(values, known, wanted, own=None):
    own = np.full(len(wanted), np.nan) if own is None else own
    found = Exchanges(PHASES, values, known).features(PHASES, np.asarray(wanted), own)
    return {label: found[:, place] for place, label in enumerate(LABELS)}


def rows(*formulas):
    return np.array(sorted(FORMULAS.index(canonical(each)) for each in formulas))


def test_a_constant_difference_of_two_elements_shifts_the_value():
    values = np.array([0.2 if formula.startswith("Na") or "Na" in formula else 0.0 for formula in FORMULAS])
    known = rows(*(f"{metal}{halide}" for metal in ("Na", "K") for halide in ("F", "Cl", "Br")), "KI")
    found = columns(values, known, rows("NaI"))
    of_sodium = 3 * 0.2 / (3 + 3)  # three pairs and as many without a difference
    from_potassium, from_halides = 0.0 + of_sodium, 0.2
    assert found["exchange_shifted_mean"][0] == pytest.approx(
        np.average([from_potassium, *[from_halides] * 3], weights=weights(values, known))
    )
    assert found["exchange_mean"][0] < found["exchange_shifted_mean"][0] < 0.2


def weights(values, known):
    """Return 1 / variance of K for Na (3 pairs of difference 0.2), and of F, Cl and Br for I (the pairs of K)."""
    prior = 3 * 0.02
    sodium = (3 * 0.04 + prior) / 6 - (0.6 / 6) ** 2
    halide = prior / 4
    return [1 / sodium, *[1 / halide] * 3]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, len(FORMULAS) - 1), st.integers(0, 100), st.floats(-1, 1))
def test_the_own_value_changes_nothing(row, seed, moved):
    values = np.random.default_rng(seed).normal(0, 0.2, len(FORMULAS))
    other = values.copy()
    other[row] += moved
    everything = np.arange(len(FORMULAS))
    first, second = (columns(each, everything, [row], each[[row]]) for each in (values, other))
    for label in LABELS:
        np.testing.assert_allclose(first[label], second[label], rtol=1e-9, atol=1e-12)


def test_a_known_compound_is_compared_as_if_it_were_new():
    values = np.random.default_rng(3).normal(0, 0.2, len(FORMULAS))
    wanted = rows("KBr")
    everything = np.arange(len(FORMULAS))
    without = np.setdiff1d(everything, wanted)
    first, second = columns(values, everything, wanted, values[wanted]), columns(values, without, wanted)
    for label in LABELS:
        np.testing.assert_allclose(first[label], second[label], rtol=1e-9)


def test_without_such_a_compound_there_is_nothing():
    found = columns(np.zeros(len(FORMULAS)), rows("NaF"), rows("KI"))
    assert all(np.isnan(values).all() for values in found.values())
