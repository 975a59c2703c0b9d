"""Intervals of ensembles: what a level promises, and what happens at its edges."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.evaluation.conformal import (
    BINS,
    GROUP_ROWS,
    LEVELS,
    Calibration,
    Rows,
    conformal_quantile,
    group_edges,
    judge,
)


def draw(rows: int, seed: int) -> Rows:
    """Normal errors whose true deviation is twice the spread: an overconfident ensemble."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.1, 1, rows)
    return Rows(np.abs(rng.normal(0, 2 * spread)), spread)


def test_conformal_intervals_hold_their_level_where_the_spread_does_not() -> None:
    judged = judge([(draw(2000, seed), draw(2000, seed + 10)) for seed in range(2)])
    for kind in ("absolute", "normalised", "grouped"):
        for level in LEVELS:
            assert judged[kind]["coverage"][str(level)] == pytest.approx(level / 100, abs=0.03)
        assert judged[kind]["miscalibration_area"] < 0.02
    assert judged["spread"]["coverage"]["95"] == pytest.approx(0.673, abs=0.02)  # ± 0.98 true deviations
    assert judged["spread"]["miscalibration_area"] > 0.1
    assert judged["normalised"]["width"]["90"] < judged["absolute"]["width"]["90"]
    assert judged["rank_correlation"] > 0.3
    assert judged["by_spread"][0]["error"] < judged["by_spread"][-1]["error"]
    assert judged["n"] == 4000
    json.dumps(judged, allow_nan=False)


def test_each_division_is_calibrated_on_its_own_rows() -> None:
    small, large = (Rows(draw(500, 1).error * factor, draw(500, 1).spread) for factor in (1, 100))
    both = judge([(small, small), (large, large)])
    assert both["absolute"]["coverage"]["90"] == pytest.approx(0.9, abs=0.01)
    mixed = judge([(small, large), (large, small)])
    assert mixed["absolute"]["coverage"]["90"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("rows", "level", "rank"), [(19, 0.95, 19), (18, 0.95, None), (9, 0.9, 9), (9, 0.5, 5)])
def test_the_quantile_counts_the_new_row(rows: int, level: float, rank: int | None) -> None:
    scores = np.random.default_rng(0).permutation(rows) + 1.0
    assert conformal_quantile(scores, level, rows) == (rank or math.inf)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_enough_scores_lie_below_the_quantile(scores: list[float], level: float) -> None:
    found = conformal_quantile(np.array(scores), level, len(scores))
    assert np.sum(np.array(scores) <= found) >= min(level * (len(scores) + 1) - 1e-6, len(scores))


def test_too_few_rows_give_no_width_instead_of_an_infinite_one() -> None:
    judged = judge([(draw(10, 0), draw(30, 1))])
    assert judged["absolute"]["width"]["95"] is None
    assert judged["absolute"]["coverage"]["95"] == 1
    json.dumps(judged, allow_nan=False)


@pytest.mark.parametrize(("compositions", "wide"), [(18, True), (19, False)])
def test_entries_of_a_composition_count_once_for_whether_rows_are_enough(compositions: int, wide: bool) -> None:
    rows = draw(compositions * 30, 0)
    alone = Calibration(rows)
    together = Calibration(rows._replace(composition=np.repeat(np.arange(compositions), 30)))
    for kind in ("absolute", "normalised"):
        found = together.half_width(kind, 0.95, np.ones(1))
        assert found == (math.inf if wide else alone.half_width(kind, 0.95, np.ones(1)))


def test_each_group_needs_compositions_of_its_own() -> None:
    rows = draw(400, 0)
    order = np.argsort(rows.spread)
    names = np.arange(400)
    names[order[-200:]] = np.arange(200) % 10  # the least sure half are entries of ten compositions
    calibration = Calibration(rows._replace(composition=names))
    assert calibration.compositions == 10
    assert np.isfinite(calibration.half_width("grouped", 0.95, rows.spread[order[[0, -1]]])).tolist() == [True, False]


def test_materials_on_which_all_members_agree_keep_an_interval() -> None:
    validation = Rows(np.array([0.0, 0.0, 0.4, 0.2]), np.array([0.0, 0.0, 0.2, 0.2]))
    calibration = Calibration(validation)
    assert calibration.half_width("spread", 0.5, np.zeros(1))[0] == 0
    assert calibration.half_width("normalised", 0.5, np.zeros(1))[0] > 0


def mostly_metals(rows: int, seed: int) -> Rows:
    """Nine rows in ten that all members know to be 0, and others with errors unlike their small spread."""
    rng = np.random.default_rng(seed)
    certain = rng.random(rows) < 0.9
    error = np.where(certain, 0, np.abs(rng.normal(0, 0.5, rows)))
    return Rows(error, np.where(certain, 0, rng.uniform(0.01, 0.1, rows)))


def test_only_intervals_by_groups_hold_for_the_few_that_are_uncertain() -> None:
    judged = judge([(mostly_metals(20_000, 0), mostly_metals(20_000, 1))])
    assert judged["normalised"]["coverage"]["90"] == pytest.approx(0.9, abs=0.01)
    assert judged["normalised"]["width"]["90"] < 0.05
    least_sure = judged["by_spread"][-1]["coverage"]
    assert least_sure["normalised"] < 0.2
    assert least_sure["grouped"] == pytest.approx(0.9, abs=0.03)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 40), st.floats(0, 1))
def test_groups_keep_equal_spreads_together_and_are_never_small(values: list[int], copies: int, zeros: float) -> None:
    spread = np.repeat(np.array(values, dtype=float), copies)
    spread[: int(zeros * len(spread))] = 0
    edges = group_edges(spread)
    counts = np.bincount(np.searchsorted(edges, spread, side="left"), minlength=len(edges) + 1)
    assert len(counts) == len(edges) + 1 <= BINS
    assert len(edges) == 0 or counts.min() >= GROUP_ROWS
    assert np.all(np.diff(edges) > 0)


def test_members_that_always_agree_are_refused() -> None:
    rows = Rows(np.ones(5), np.zeros(5))
    with pytest.raises(DataError, match="predict the same values"):
        judge([(rows, rows)])


def test_ranks_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    test = Rows(rng.integers(0, 9, 200).astype(float), rng.integers(0, 4, 200).astype(float))
    expected = stats.spearmanr(test.error, test.spread).statistic
    assert judge([(draw(50, 0), test)])["rank_correlation"] == pytest.approx(expected)
