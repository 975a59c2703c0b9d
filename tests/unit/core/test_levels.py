"""Levels of intervals."""

import pytest

from elemflow.core.errors import DataError
from elemflow.core.levels import check_level


@pytest.mark.parametrize("level", [1, 90, 90.0, 99])
def test_levels_are_integers_of_per_cent(level):
    assert check_level(level) == int(level)


@pytest.mark.parametrize(
    ("level", "hint"), [(0.9, r"Did you mean 90\?"), (0, "from 1 to 99"), (100, "from 1 to 99"), (95.5, "from 1 to 99")]
)
def test_fractions_and_others_are_refused(level, hint):
    with pytest.raises(DataError, match=hint):
        check_level(level)
