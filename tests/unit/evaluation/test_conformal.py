"""Intervals of ensembles: what a level guarantees, and what happens at its edges."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.evaluation.conformal import (
    LEVELS,
    MAX_GROUPS,
    MIN_GROUP_ROWS,
    Calibration,
    EnsembleRows,
    IntervalKind,
    conformal_quantile,
    coverage_report,
    enough_for_calibration,
    group_edges,
)


def draw(rows: int, seed: int) -> EnsembleRows:
    """Normal errors whose true deviation is twice the spread: an overconfident ensemble."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.1, 1, rows)
    return EnsembleRows(np.abs(rng.normal(0, 2 * spread)), spread)


def test_conformal_intervals_hold_their_level_where_the_spread_does_not() -> None:
    report = coverage_report([(draw(2000, seed), draw(2000, seed + 10)) for seed in range(2)]).plain()
    for kind in ("absolute", "normalised", "grouped"):
        for level in LEVELS:
            assert report[kind]["coverage"][str(level)] == pytest.approx(level / 100, abs=0.03)
        assert report[kind]["miscalibration_area"] < 0.02
    assert report["spread"]["coverage"]["95"] == pytest.approx(0.673, abs=0.02)  # ± 0.98 true deviations
    assert report["spread"]["miscalibration_area"] > 0.1
    assert report["normalised"]["width"]["90"] < report["absolute"]["width"]["90"]
    assert report["rank_correlation"] > 0.3
    assert report["by_spread"][0]["error"] < report["by_spread"][-1]["error"]
    assert report["n"] == 4000
    json.dumps(report, allow_nan=False)


def test_each_split_is_calibrated_on_its_own_rows() -> None:
    small, large = (EnsembleRows(draw(500, 1).error * factor, draw(500, 1).spread) for factor in (1, 100))
    both = coverage_report([(small, small), (large, large)]).plain()
    assert both["absolute"]["coverage"]["90"] == pytest.approx(0.9, abs=0.01)
    mixed = coverage_report([(small, large), (large, small)]).plain()
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
    report = coverage_report([(draw(10, 0), draw(30, 1))]).plain()
    assert report["absolute"]["width"]["95"] is None
    assert report["absolute"]["coverage"]["95"] == 1
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize(("compositions", "wide"), [(18, True), (19, False)])
def test_entries_of_a_composition_count_once_for_whether_rows_are_enough(compositions: int, wide: bool) -> None:
    rows = draw(compositions * 30, 0)
    alone = Calibration(rows)
    together = Calibration(rows._replace(composition=np.repeat(np.arange(compositions), 30)))
    for kind in (IntervalKind.SPLIT_CONFORMAL, IntervalKind.NORMALISED):
        found = together.half_width(kind, 0.95, np.ones(1))
        assert found == (math.inf if wide else alone.half_width(kind, 0.95, np.ones(1)))


def test_each_group_needs_compositions_of_its_own() -> None:
    rows = draw(400, 0)
    order = np.argsort(rows.spread)
    names = np.arange(400)
    names[order[-200:]] = np.arange(200) % 10  # the least sure half are entries of ten compositions
    calibration = Calibration(rows._replace(composition=names))
    assert calibration.compositions == 10
    assert np.isfinite(calibration.half_width(IntervalKind.MONDRIAN, 0.95, rows.spread[order[[0, -1]]])).tolist() == [
        True,
        False,
    ]


def test_materials_on_which_all_members_agree_keep_an_interval() -> None:
    validation = EnsembleRows(np.array([0.0, 0.0, 0.4, 0.2]), np.array([0.0, 0.0, 0.2, 0.2]))
    calibration = Calibration(validation)
    assert calibration.half_width(IntervalKind.GAUSSIAN, 0.5, np.zeros(1))[0] == 0
    assert calibration.half_width(IntervalKind.NORMALISED, 0.5, np.zeros(1))[0] > 0


def mostly_metals(rows: int, seed: int) -> EnsembleRows:
    """Nine rows in ten that all members know to be 0, and others with errors unlike their small spread."""
    rng = np.random.default_rng(seed)
    certain = rng.random(rows) < 0.9
    error = np.where(certain, 0, np.abs(rng.normal(0, 0.5, rows)))
    return EnsembleRows(error, np.where(certain, 0, rng.uniform(0.01, 0.1, rows)))


def test_only_intervals_by_groups_hold_for_the_few_that_are_uncertain() -> None:
    report = coverage_report([(mostly_metals(20_000, 0), mostly_metals(20_000, 1))]).plain()
    assert report["normalised"]["coverage"]["90"] == pytest.approx(0.9, abs=0.01)
    assert report["normalised"]["width"]["90"] < 0.05
    least_sure = report["by_spread"][-1]["coverage"]
    assert least_sure["normalised"] < 0.2
    assert least_sure["grouped"] == pytest.approx(0.9, abs=0.03)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 40), st.floats(0, 1))
def test_groups_keep_equal_spreads_together_and_are_never_small(values: list[int], copies: int, zeros: float) -> None:
    spread = np.repeat(np.array(values, dtype=float), copies)
    spread[: int(zeros * len(spread))] = 0
    edges = group_edges(spread)
    counts = np.bincount(np.searchsorted(edges, spread, side="left"), minlength=len(edges) + 1)
    assert len(counts) == len(edges) + 1 <= MAX_GROUPS
    assert len(edges) == 0 or counts.min() >= MIN_GROUP_ROWS
    assert np.all(np.diff(edges) > 0)


def test_members_that_always_agree_are_refused() -> None:
    rows = EnsembleRows(np.ones(5), np.zeros(5))
    with pytest.raises(DataError, match="seed"):
        coverage_report([(rows, rows)])


def test_the_rank_correlation_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    test = EnsembleRows(rng.integers(0, 9, 200).astype(float), rng.integers(0, 4, 200).astype(float))
    expected = stats.spearmanr(test.error, test.spread).statistic
    assert coverage_report([(draw(50, 0), test)]).rank_correlation == pytest.approx(expected)


@pytest.mark.parametrize(("compositions", "level"), [(9, 0.9), (19, 0.95), (1, 0.5), (99, 0.99)])
def test_a_level_needs_its_share_of_compositions(compositions: int, level: float) -> None:
    assert enough_for_calibration(compositions, level)
    assert not enough_for_calibration(compositions - 1, level)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_half_widths_are_those_of_crepes(level: float) -> None:
    crepes = pytest.importorskip("crepes")
    rows, new = draw(300, 0), draw(50, 1)
    sigma, new_sigma = (each.spread + rows.spread.mean() for each in (rows, new))
    plain = crepes.ConformalRegressor().fit(residuals=rows.error)
    scaled = crepes.ConformalRegressor().fit(residuals=rows.error, sigmas=sigma)
    calibration = Calibration(rows)
    zeros = np.zeros(len(new.spread))
    for kind, ends in (
        (IntervalKind.SPLIT_CONFORMAL, plain.predict_int(zeros, confidence=level)),
        (IntervalKind.NORMALISED, scaled.predict_int(zeros, sigmas=new_sigma, confidence=level)),
    ):
        np.testing.assert_allclose(calibration.half_width(kind, level, new.spread), ends[:, 1])
