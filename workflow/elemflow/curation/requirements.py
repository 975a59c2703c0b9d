"""What a dataset must have: rows that can be read, and a value of every property."""

from collections.abc import Iterable, Mapping

import numpy as np

from elemflow.core.errors import DataError


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


def require_rows(dataset_id: str, rows: int, condition: str, dropped: Mapping[str, str]) -> None:
    """Check that rows are left.

    Args:
        dataset_id: Name of the dataset.
        rows: Rows that are left.
        condition: What none of them does.
        dropped: `entry_id`, `formula` and `reason` of the first that was dropped.

    Raises:
        DataError: There is no row.
    """
    if not rows:
        raise DataError(
            f"Dataset {dataset_id}: no row {condition}. The first that was dropped is entry {dropped['entry_id']} "
            f"({dropped['formula']!r}): {dropped['reason']}. Check the columns and filters in the dataset's config."
        )
