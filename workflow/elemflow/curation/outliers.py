"""Numbers at the edge of a column that are implausible, such as marks for missing values."""

import numpy as np

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
