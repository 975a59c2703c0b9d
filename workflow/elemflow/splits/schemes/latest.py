"""Extrapolation in time: the latest materials are the test set."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.core.errors import DataError, quoted
from elemflow.splits.schemes.base import describe_members, describe_reductions
from elemflow.splits.schemes.labels import DROPPED, column_labels
from elemflow.splits.schemes.ordered import OrderedScheme

_MISSING = frozenset({"", "nan", "nat", "n/a", "na", "none", "null"})
"""Words for a missing value, in lower case."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?))?)?)?"
)


class Latest(OrderedScheme):
    """The materials with the highest values of a column, such as a date, are tested, those before them validate."""

    scheme: Literal["latest"] = Field(
        description="The materials with the highest values of a column, such as a date, are the test set, those before "
        "them the validation set."
    )
    column: str = Field(
        description="Column of the source, one of the dataset's `columns.splits`: numbers, or dates such as 2021-03-31."
    )

    @property
    def label_column(self) -> str:
        """The declared column."""
        return self.column

    def labels(
        self, material_ids: Sequence[str], values: Sequence[str | None], listed: Path | None, where: str
    ) -> np.ndarray:
        """Return the values; a material without one is in no set. See `SplitScheme.labels`.

        Raises:
            DataError: The values are neither all numbers nor all dates.
        """
        found = column_labels([value if _is_given(value) else None for value in values])
        given = np.flatnonzero(found != DROPPED)
        _, bad = _read_order(found[given].tolist())
        if bad is not None:
            name, value = material_ids[int(given[bad])], found[given[bad]]
            wrong = "neither a number nor a date" if _as_number(value) is None else "no date, as other values are"
            raise DataError(
                f"{where}: column '{self.column}': '{name}' has {quoted(value)}, which is {wrong}. Allowed are "
                "numbers, or dates such as 2021, 2021-03 or 2021-03-31, with a time or without; others have no order. "
                f"Missing are empty cells and {', '.join(sorted(_MISSING - {''}))}."
            )
        return found

    def describe(self) -> str:
        """Return the split in words, for captions."""
        text = f"the {100 * self.test:g} % with the latest {self.column} tested"
        return text + describe_members(self.members_per_split) + describe_reductions(self)

    def splits(self, compositions: Sequence[str], labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Yield the roles under each split; see `SplitScheme.splits`."""
        if labels is None:
            raise ValueError("a split by a column needs its values")
        values, bad = _read_order([str(label) for label in labels])
        if bad is not None:
            raise ValueError(f"{labels[bad]!r} is neither a number nor a date")
        yield self.roles_by(compositions, values)


def _is_given(value: str | None) -> bool:
    """Return whether a cell of the column has a value."""
    return value is not None and str(value).strip().lower() not in _MISSING


def _read_order(labels: Sequence[str]) -> tuple[np.ndarray, int | None]:
    """Return numbers in the order of the labels, NaN where one cannot be read, and the place of the first of those.

    Returns:
        The numbers, or seconds since the first day of year 1 if not all labels are numbers (labels,); the place of the
        first label that is neither, or else no date; None if all can be read.
    """
    numbers, dates = ([parse(label) for label in labels] for parse in (_as_number, _as_date))
    for found in (numbers, dates):
        if None not in found:
            return np.array(found, dtype=np.float64), None
    neither = (n is None and d is None for n, d in zip(numbers, dates, strict=True))
    bad = next((place for place, wrong in enumerate(neither) if wrong), dates.index(None))
    return np.array(dates, dtype=np.float64), bad


def _as_number(label: str) -> float | None:
    """Return a finite number, None if the text is none."""
    number = float(label) if _NUMBER.fullmatch(label.strip()) else math.inf
    return number if math.isfinite(number) else None


def _as_date(label: str) -> float | None:
    """Return the seconds between the first day of year 1 and a date in ISO 8601, None if the text is none."""
    found = _DATE.fullmatch(label.strip())
    if not found:
        return None
    try:
        day = datetime(int(found["year"]), int(found["month"] or 1), int(found["day"] or 1), tzinfo=UTC)
        time = found["time"] or "00:00"
        moment = datetime.fromisoformat(f"2000-01-01T{time}")
    except ValueError:
        return None
    since_midnight = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(2000, 1, 1, tzinfo=UTC)
    return (day - datetime(1, 1, 1, tzinfo=UTC) + since_midnight).total_seconds()
