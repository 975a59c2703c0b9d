"""Groups of test rows by their distance from the training set, see `elemflow.inference.applicability`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.core.parquet import read_frame


def read_applicability(path: Path) -> pd.DataFrame:
    """Return the test rows of a run's `applicability.parquet`."""
    return read_frame(path, role="test")


def percentile_groups(rows: pd.DataFrame, edges: Sequence[float]) -> pd.Series:
    """Return the group of each row by percentile, `unseen elements` for rows with that flag.

    Args:
        rows: Rows with `percentile` and `flag`.
        edges: Increasing upper ends of the groups, the last one 1.

    Returns:
        Ordered categories (rows,).
    """
    ends = (0.0, *edges)
    names = [f"{low:.0%}–{high:.0%}".replace("%–", "–") for low, high in zip(ends, edges, strict=False)]
    places = np.searchsorted(edges, rows["percentile"], side="left")
    found = np.array(names, dtype=object)[places]
    found[(rows["flag"] == "unseen").to_numpy()] = "unseen elements"
    return pd.Series(pd.Categorical(found, [*names, "unseen elements"], ordered=True), index=rows.index)
