"""Numbers that are implausible: at the edge of a column, or as the lowest of a composition."""

import numpy as np
import pandas as pd

MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
FAR_BELOW = 10
"""Robust standard deviations from which on the lowest value of a composition is implausible."""
FEWEST_MATERIALS = 20
"""Fewer values have no robust standard deviation to speak of."""

FAR = 100
"""Times the range of all other values from which on a lone value at the edge of a column is implausible."""
FEWEST_DISTINCT = 5


def lone_edges(values: np.ndarray) -> list[tuple[float, float, float]]:
    """Return the smallest and the largest value if they lie far from all others.

    Args:
        values: Numbers (rows,); NaN where there is none.

    Returns:
        For each such value: itself, and the smallest and largest of the others. Far is `FAR` times the range of these;
        with fewer than `FEWEST_DISTINCT` others nothing is.
    """
    distinct = np.unique(values[~np.isnan(values)])
    found = []
    for edge, others in ((0, distinct[1:]), (-1, distinct[:-1])):
        if len(others) >= FEWEST_DISTINCT:
            low, high = float(others[0]), float(others[-1])
            gap = low - distinct[0] if edge == 0 else distinct[-1] - high
            if gap > FAR * (high - low):
                found.append((float(distinct[edge]), low, high))
    return found


def far_below(lowest: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Return the positions of implausible lowest values, the lowest first.

    A value is implausible `FAR_BELOW` robust standard deviations below the median of all, or below the next entry of
    its composition where that one is not far from the median itself.

    Args:
        lowest: Lowest value of each composition; NaN where there is none.
        following: The next value of each composition; NaN where there is none.
    """
    present = lowest[~np.isnan(lowest)]
    if len(present) < FEWEST_MATERIALS:
        return np.empty(0, np.int64)
    median = np.median(present)
    far = FAR_BELOW * MAD * np.median(np.abs(present - median))
    if not far > 0:
        return np.empty(0, np.int64)
    jumps = (following - lowest > far) & (np.abs(following - median) <= far)
    found = np.flatnonzero((median - lowest > far) | jumps)
    return found[np.argsort(lowest[found], kind="stable")]


def second_lowest(codes: np.ndarray, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the value after the lowest for each of the chosen groups; NaN where a group has one value only.

    Args:
        codes: Group of each value.
        values: The values; NaN where there is none.
        chosen: Groups to answer for.
    """
    order = np.lexsort((values, codes))
    order = order[~np.isnan(values[order])]
    ordered = codes[order]
    second = np.flatnonzero((ordered[1:] == ordered[:-1]) & np.concatenate([[True], ordered[1:-1] != ordered[:-2]])) + 1
    return pd.Series(values[order][second], ordered[second]).reindex(chosen).to_numpy()
