"""Reduced training sets, for learning curves and for the hold-out of an element.

Both start from the whole split, so that a material that stays keeps its role.
"""

from collections.abc import Sequence

import numpy as np

from elemflow.chemistry.composition import amounts
from elemflow.core.errors import DataError
from elemflow.splits.schemes.base import (
    DROPPED,
    TEST,
    TRAIN,
    VALIDATION,
    HoldOut,
    Reductions,
    Shares,
    hash_order,
    random_roles,
)


def reduce_training_set(
    compositions: Sequence[str],
    roles: np.ndarray,
    reductions: Reductions,
    number: int,
    where: str,
    test_set: int | None = None,
) -> np.ndarray:
    """Return the roles after the hold-out of an element and the reduction to a number of training rows.

    Args:
        compositions: Composition of each material.
        roles: Position in `ROLES` of each material, shape (materials,).
        reductions: What is declared.
        number: Number of the split; its members share the draw.
        where: Name of the member in messages.
        test_set: Number of the test set; that of the split if it is None.

    Returns:
        The new roles, shape (materials,), `DROPPED` among them.

    Raises:
        DataError: See `hold_out` and `keep_train_rows`.
    """
    key = f"{reductions.seed}/{number}"
    if reductions.hold_out is not None:
        tested = f"{reductions.seed}/{number if test_set is None else test_set}/hold_out"
        roles = hold_out(compositions, roles, reductions.hold_out, tested, where)
    if reductions.train_rows is not None:
        roles = keep_train_rows(compositions, roles, reductions.train_rows, f"{key}/train_rows", where)
    return roles


def keep_train_rows(compositions: Sequence[str], roles: np.ndarray, rows: int, key: str, where: str) -> np.ndarray:
    """Drop all but some training materials; fewer rows are a subset of more.

    Args:
        compositions: Composition of each material.
        roles: Position in `ROLES`, or `DROPPED`, of each material, shape (materials,).
        rows: Training materials that stay.
        key: What the draw depends on besides the compositions.
        where: Name of the member in messages.

    Returns:
        The roles with the other training materials dropped, shape (materials,).

    Raises:
        DataError: There are not so many training materials.
    """
    order = hash_order(compositions, key)
    training = order[roles[order] == TRAIN]
    if len(training) < rows:
        raise DataError(
            f"{where}: the key 'split.train_rows' requests {rows:,} training materials, and there are "
            f"{len(training):,}. Request fewer, or remove the key for all."
        )
    reduced = roles.copy()
    reduced[training[rows:]] = DROPPED
    return reduced


def hold_out(compositions: Sequence[str], roles: np.ndarray, declared: HoldOut, key: str, where: str) -> np.ndarray:
    """Drop the materials with one element from all sets, except for a share in training and a share in the test set.

    The tested share is the same at every `train_fraction`, so that the errors are comparable; the training materials
    at one fraction are a subset of those at every larger one. Materials without the element keep their role.

    Huang and Ling, J. Appl. Phys. 128, 124901 (2020), section III C and figure 4, who test all that is not in the
    training set.

    Args:
        compositions: Composition of each material.
        roles: Position in `ROLES` of each material, shape (materials,).
        declared: The element and its two shares.
        key: What the draw depends on besides the compositions.
        where: Name of the member in messages.

    Returns:
        The new roles, shape (materials,), `DROPPED` among them.

    Raises:
        DataError: No material has the element, or none of those that have it is left to test.
    """
    element, test, train = declared.element, declared.test_fraction, declared.train_fraction
    rows = np.flatnonzero([element in amounts(composition) for composition in compositions])
    if not len(rows):
        raise DataError(
            f"{where}: the key 'split.hold_out.element' names {element}, and none of the {len(compositions):,} "
            "materials with a value has it. Name another element, or another dataset."
        )
    # The training share takes the second place of the order, that of a validation set, so that it only ever grows.
    drawn = random_roles([compositions[i] for i in rows.tolist()], f"{key}/0", Shares(1 - test - train, train, test))
    if not (drawn == TEST).any():
        raise DataError(
            f"{where}: of the {len(rows)} materials with {element} the share {test:g} leaves none for the test set. "
            "Raise 'split.hold_out.test_fraction', or use a dataset with more materials."
        )
    changed = roles.copy()
    changed[rows] = np.select([drawn == TEST, drawn == VALIDATION], [TEST, TRAIN], DROPPED)
    return changed
