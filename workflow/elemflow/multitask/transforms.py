"""What a head learns of a value, and back."""

import numpy as np

from elemflow.config.base import Transform


def to_target(values: np.ndarray, transform: Transform) -> np.ndarray:
    """Return what is learned of values in the unit of the property, shape (rows,); not finite where there is nothing.

    `log10` is the decimal logarithm, for properties that are positive and span magnitudes; `log1p_abs` is ln(1 + |y|),
    for magnetisations, whose sign is a convention.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        match transform:
            case "log10":
                return np.log10(values)
            case "log1p_abs":
                return np.log1p(np.abs(values))
    return np.asarray(values, dtype=np.float64)


def from_target(targets: np.ndarray, transform: Transform) -> np.ndarray:
    """Return values in the unit of the property of what was learned, any shape."""
    match transform:
        case "log10":
            return np.power(10.0, np.minimum(targets, 300.0))
        case "log1p_abs":
            return np.expm1(np.maximum(targets, 0.0))
    return targets
