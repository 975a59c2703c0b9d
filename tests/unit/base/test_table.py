"""What a table of a user must have before anything is trained."""

from pathlib import Path

import numpy as np
import pytest

from elemflow.base.table import FEWEST, FEWEST_OTHERS, check_learnable
from elemflow.core.errors import DataError

TABLE = Path("my.csv")
GOOD = np.linspace(-1, 1, FEWEST)


@pytest.mark.parametrize(
    "y",
    [
        GOOD,
        GOOD * 1e37,
        GOOD * 1e-36,
        np.array([0.0] * (FEWEST - FEWEST_OTHERS) + [1.0] * FEWEST_OTHERS),
    ],
)
def test_values_that_vary_can_be_learned(y: np.ndarray) -> None:
    check_learnable(TABLE, "Tc", y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (GOOD[:0], r"my.csv: 0 compositions have a value of 'Tc', and 20 are the fewest.* He lost$"),
        (GOOD[:1], r"1 composition has a value"),
        (GOOD[1:], r"19 compositions have a value"),
        (np.ones(FEWEST), r"all 20 values of 'Tc' are 1; at least 5 others"),
        (np.array([1.0] * 38 + [5.0]), r"38 of 39 values of 'Tc' are 1; at least 5 others"),
        (GOOD * 1e40, r"values of 'Tc' reach 1e\+40, beyond .*--transform log10"),
        (GOOD * 1e300, r"reach 1e\+300"),
        (GOOD * 1e-40, r"vary by 6.\d+e-41 alone"),
        (GOOD * 1e-300, r"vary by 6.\d+e-301 alone"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_words(y: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_learnable(TABLE, "Tc", y, "He lost")
