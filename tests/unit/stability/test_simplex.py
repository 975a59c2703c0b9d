"""Programs that the simplex method leaves to HiGHS have the same solution."""

import numpy as np

from elemflow.stability import simplex
from elemflow.stability.simplex import Programs, solve


def programs(seed, m=20, k=4, phases=15):
    rng = np.random.default_rng(seed)
    columns = rng.dirichlet(np.ones(k), m * phases) * (rng.random((m * phases, k)) > 0.3) + 1e-9
    columns /= columns.sum(axis=1, keepdims=True)
    return Programs(columns, rng.normal(-1, 1, m * phases), np.arange(m + 1) * phases, rng.dirichlet(np.ones(k), m))


def test_bland_and_highs_find_the_same_minimum(monkeypatch):
    given = programs(1)
    expected = solve(given)
    assert expected.fallbacks == 0
    monkeypatch.setattr(simplex, "_DANTZIG_STEPS", 0)
    np.testing.assert_allclose(solve(given).energy, expected.energy, atol=1e-12)
    monkeypatch.setattr(simplex, "_MOST_STEPS", 1)
    by_highs = solve(given)
    assert by_highs.fallbacks > 0
    np.testing.assert_allclose(by_highs.energy, expected.energy, atol=1e-9)
    np.testing.assert_allclose(by_highs.amounts.sum(axis=1), 1, atol=1e-9)


def test_a_basis_that_is_not_the_minimum_fails_the_check():
    given = programs(2)
    _, _, _, good = simplex._evaluate(given, np.broadcast_to(-1 - np.arange(4), (20, 4)).copy())
    assert not good.any()


def test_phases_of_infinite_energy_take_no_part():
    given = programs(3)
    costs = given.costs.copy()
    costs[::2] = np.inf
    half = Programs(given.columns, costs, given.starts, given.right)
    found = solve(half)
    assert np.isfinite(found.energy).all()
    assert (found.energy >= solve(given).energy - 1e-12).all()
