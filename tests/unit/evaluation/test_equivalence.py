"""Verdicts on published values, against intervals computed by hand."""

from dataclasses import replace
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.evaluation.equivalence import (
    NOT_REPRODUCED,
    REPRODUCED,
    SPREAD_OF_SEARCH,
    UNDECIDED,
    Sampling,
    compare,
)

NORMAL = 1.6448536
STUDENT_2 = 2.9199856


def test_an_interval_inside_the_margin_reproduces():
    found = compare(0.001, 0.005, Sampling(members=3, spread=0.0005, test_error=0.001, tests=3))
    half = NORMAL * sqrt(0.001**2 / 3 + 0.001**2)
    assert found.verdict == REPRODUCED
    assert (found.low, found.high) == pytest.approx((0.001 - half, 0.001 + half))


def test_a_spread_beyond_the_sampling_of_the_test_set_has_the_quantile_of_its_members():
    found = compare(0.0, 1.0, Sampling(members=3, spread=0.3, test_error=0.1, tests=3))
    assert found.high == pytest.approx(STUDENT_2 * sqrt(0.3**2 / 3 + 0.3**2))


def test_an_interval_outside_the_margin_does_not():
    for difference in (0.02, -0.02):
        assert compare(difference, 0.005, Sampling(members=1, test_error=0.002)).verdict == NOT_REPRODUCED


def test_the_members_that_would_decide_are_counted():
    sampling = Sampling(members=3, spread=0.0, test_error=0.002, tests=3)
    found = compare(0.0, 0.0036, sampling)
    assert found.verdict == UNDECIDED
    assert found.further is not None
    more = Sampling(3 + found.further, 0.0, 0.002, 3 + found.further)
    fewer = Sampling(2 + found.further, 0.0, 0.002, 2 + found.further)
    assert compare(0.0, 0.0036, more).verdict == REPRODUCED
    assert compare(0.0, 0.0036, fewer).verdict == UNDECIDED


@given(
    difference=st.floats(-3, 3),
    margin=st.floats(0.01, 2),
    spread=st.floats(0, 1),
    error=st.one_of(st.none(), st.floats(0, 1)),
    members=st.integers(2, 10),
)
def test_the_members_that_would_decide_do_and_one_fewer_does_not(difference, margin, spread, error, members):
    sampling = Sampling(members, spread, error, members)
    found = compare(difference, margin, sampling)
    if found.further is None:
        assert (
            found.verdict != UNDECIDED or compare(difference, margin, sampling.with_further(5000)).verdict == UNDECIDED
        )
        return
    assert compare(difference, margin, sampling.with_further(found.further)).verdict != UNDECIDED
    assert compare(difference, margin, sampling.with_further(found.further - 1)).verdict == UNDECIDED


def test_students_quantile_of_more_members_decides_how_many_are_needed():
    sampling = Sampling(members=3, spread=0.0438, test_error=0.0421, tests=3)
    assert compare(-0.0984, 0.01, sampling).further == 5


def test_no_number_of_members_decides_where_the_published_value_varies_more_than_the_margin():
    found = compare(0.0, 0.003, Sampling(members=3, spread=0.0, test_error=0.002, tests=3))
    assert (found.verdict, found.further) == (UNDECIDED, None)


def test_the_spread_of_one_member_is_that_of_the_recorded_networks():
    found = compare(1.0, 0.1, Sampling(members=1, test_error=0.4))
    half = NORMAL * sqrt(2 * 1.2) * 0.4
    assert (found.verdict, found.low, found.high) == (UNDECIDED, pytest.approx(1 - half), pytest.approx(1 + half))
    assert compare(1.0, 0.1, Sampling(members=1, spread=0.0, test_error=0.4)).low == pytest.approx(
        1 - NORMAL * sqrt(2) * 0.4
    )


def test_members_of_one_test_set_share_its_sampling():
    own, published = Sampling(members=4, spread=0.2, test_error=0.3, tests=1).standard_errors
    assert own == pytest.approx(sqrt(0.2**2 / 4 + 0.3**2))
    assert published == pytest.approx(sqrt(0.2**2 + 0.3**2))


def test_folds_are_compared_with_folds():
    assert Sampling(members=4, spread=0.2).standard_errors == pytest.approx((0.1, 0.1))


def test_nothing_known_decides_nothing():
    found = compare(0.5, 0.001, Sampling(members=1))
    assert (found.verdict, found.low, found.further) == (UNDECIDED, None, None)


@given(
    difference=st.floats(-1, 1),
    margin=st.floats(1e-4, 1),
    spread=st.floats(0, 1),
    error=st.floats(0, 1),
    members=st.integers(2, 20),
)
def test_more_certainty_never_reverses_a_verdict(difference, margin, spread, error, members):
    wide = compare(difference, margin, Sampling(members, spread, error, members)).verdict
    narrow = compare(difference, margin, Sampling(members, spread / 10, error / 10, members)).verdict
    assert wide in (narrow, UNDECIDED)


def test_one_member_of_a_search_varies_more_than_one_of_a_network() -> None:
    network, search = Sampling(1, None, 0.01), Sampling(1, None, 0.01, spread_of_one=SPREAD_OF_SEARCH)
    assert compare(0.0, 0.03, network).verdict == REPRODUCED
    assert compare(0.0, 0.03, search).verdict == UNDECIDED
    several = Sampling(3, 0.005, 0.01, 3)
    assert replace(several, spread_of_one=SPREAD_OF_SEARCH).standard_errors == several.standard_errors
