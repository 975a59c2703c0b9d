"""What a dataset must have: rows that can be read, and a value of every property."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from elemflow.core.errors import LONGEST_QUOTE, DataError, quoted


def require_values(
    dataset_id: str, values: Mapping[str, np.ndarray], unreadable: Mapping[str, int], computed: Iterable[str] = ()
) -> None:
    """Check that every property has a value.

    Raises:
        DataError: Names the property.
    """
    for name, column in values.items():
        if np.isnan(column).all():
            key = "computed" if name in computed else "column"
            raise DataError(
                f"Dataset {dataset_id}: property {name!r} has no value in any of {len(column)} rows "
                f"({unreadable[name]} cells were not numbers). Check properties.{name}.{key}, or remove the property."
            )


def place_of(row: Mapping[str, Any]) -> str:
    """Return where a row stands in the source, as messages call it: its number from 1, its id, and its formula.

    Args:
        row: `row`, `entry_id` and `formula`.
    """
    # Ids that are numbers of rows count from 0, and would only be in the way.
    named = "" if row["entry_id"] == str(row["row"] - 1) else f", entry {row['entry_id'][:LONGEST_QUOTE]}"
    return f"row {row['row']}{named} ({quoted(row['formula'])})"


def require_rows(dataset_id: str, rows: int, condition: str, dropped: Mapping[str, Any]) -> None:
    """Check that rows are left.

    Args:
        dataset_id: Name of the dataset.
        rows: Rows that are left.
        condition: What none of them does.
        dropped: `row`, `entry_id`, `formula` and `reason` of the first that was dropped.

    Raises:
        DataError: There is no row.
    """
    if not rows:
        raise DataError(
            f"Dataset {dataset_id}: no row {condition}. The first that was dropped is "
            f"{place_of(dropped)}: {dropped['reason']}. Check the columns and filters in the dataset's config."
        )
