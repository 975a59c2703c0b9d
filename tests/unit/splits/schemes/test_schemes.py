"""Roles of the schemes: sizes of the sets, no composition in two sets, the same at all times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.roles import ROLES
from elemflow.splits.schemes.registry import read_split

FRACTIONS = {
    "scheme": "fractions", "train": 0.81, "validation": 0.09, "test": 0.1, "seed": 7, "members": 3, "split_per_member": True,
}  # fmt: skip


FOLDS = {"scheme": "k_fold", "folds": 5, "repeats": 2, "validation": 0.1, "seed": 7}


INNER = {"scheme": "k_fold_validation", "test": 0.1, "folds": 5, "seed": 7}


PAIRS = {"scheme": "k_fold_pairs", "folds": 5, "seed": 7}


TRAIN, VALIDATION, TEST = range(3)


def names(n):
    return [f"M{i}" for i in range(n)]


def members(compositions, split):
    return read_split(split).members(compositions)


@pytest.mark.parametrize("n", [20, 213, 2135])
def test_fractions_have_the_declared_sizes(n):
    for roles in members(names(n), FRACTIONS):
        assert (roles == TEST).sum() == round(0.1 * n)
        assert abs((roles == VALIDATION).sum() - 0.09 * n) <= 1
        assert set(roles) == {TRAIN, VALIDATION, TEST}


def test_shared_splits_are_those_of_members_with_their_own():
    own = [roles.tolist() for roles in members(names(100), FRACTIONS)]
    shared = [
        roles.tolist()
        for roles in members(names(100), FRACTIONS | {"split_per_member": False, "members": 2, "splits": 3})
    ]
    assert shared == [own[0], own[0], own[1], own[1], own[2], own[2]]


def test_members_have_their_own_split_or_share_one():
    first, second, _ = members(names(100), FRACTIONS)
    assert (first != second).any()
    first, second, _ = members(names(100), FRACTIONS | {"split_per_member": False})
    assert (first == second).all()


def test_test_set_stays_when_the_validation_share_changes():
    one = next(members(names(500), FRACTIONS))
    other = next(members(names(500), FRACTIONS | {"validation": 0.2, "train": 0.7}))
    assert ((one == TEST) == (other == TEST)).all()


def test_every_fold_is_the_test_set_once_per_repeat():
    roles = np.array(list(members(names(103), FOLDS)))
    assert roles.shape == (10, 103)
    for repeat in (roles[:5], roles[5:]):
        assert ((repeat == TEST).sum(axis=0) == 1).all()
    assert ((roles[0] == TEST) != (roles[5] == TEST)).any()


def test_inner_folds_share_the_test_set_of_fractions():
    roles = np.array(list(members(names(103), INNER)))
    assert ((roles == TEST) == (next(members(names(103), FRACTIONS)) == TEST)).all()
    assert set((roles == VALIDATION).sum(axis=0)[roles[0] != TEST]) == {1}
    assert set((roles == VALIDATION).sum(axis=1)) <= {18, 19}


def test_five_times_two_halves():
    roles = list(members(names(100), FOLDS | {"folds": 2, "repeats": 5}))
    assert len(roles) == 10
    assert all((r == TEST).sum() == 50 and (r == VALIDATION).sum() == 5 for r in roles)


@given(
    st.lists(st.sampled_from("ABCDEFGHIJKLMNOPQRST"), min_size=5, max_size=60),
    st.sampled_from([FRACTIONS, FOLDS, INNER, PAIRS]),
)
def test_one_composition_is_never_in_two_sets(compositions, split):
    for roles in members(compositions, split):
        for composition in set(compositions):
            assert len({role for c, role in zip(compositions, roles, strict=True) if c == composition}) == 1


@given(st.permutations(names(40)))
def test_row_order_does_not_matter(order):
    expected = dict(zip(names(40), next(members(names(40), FRACTIONS)), strict=True))
    assert dict(zip(order, next(members(order, FRACTIONS)), strict=True)) == expected


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (FRACTIONS, ["raerrrrrrrrerrrarrrr", "errraerrrrarrrrrrrrr", "aerrrrarrrrrrrrrerrr"]),
        (
            FOLDS | {"repeats": 1},
            [
                "reerrrrrrraerrrerarr",
                "arrrerrrarerrerrerrr",
                "rrrerrrererrraerrarr",
                "errrrrrrearrearrrrre",
                "rrrrreerrarrrrarreer",
            ],
        ),
        (
            INNER,
            [
                "rrerarrrrrreraarrarr",
                "rrerraraarrerrrrrrrr",
                "rrerrrarrarearrarrrr",
                "rrearrrrrrrerrrrarra",
                "aaerrrrrrraerrrrrrar",
            ],
        ),
    ],
    ids=["fractions", "k_fold", "k_fold_validation"],
)
def test_the_split_is_fixed_for_all_time(split, expected):
    """Second letters of the roles: r, a, e."""
    assert ["".join(ROLES[r][1] for r in roles) for roles in members(names(20), split)] == expected


def test_seeds_within_a_fold_share_its_split():
    roles = np.array(list(members(names(103), FOLDS | {"members_per_fold": 3})))
    assert (roles[::3] == np.array(list(members(names(103), FOLDS)))).all()
    assert (roles[::3] == roles[2::3]).all()


def test_pairs_are_of_the_folds_of_k_fold():
    folds = [roles == TEST for roles in members(names(103), FOLDS | {"repeats": 1})]
    pairs = [roles == TEST for roles in members(names(103), PAIRS)]
    expected = [folds[i] | folds[j] for i in range(5) for j in range(i + 1, 5)]
    np.testing.assert_array_equal(pairs, expected)
    assert read_split(PAIRS).n_trainings == 10
