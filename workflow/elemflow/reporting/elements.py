"""Errors of test materials by the elements that they contain."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from elemflow.chemistry.composition import amounts
from elemflow.chemistry.material_id import composition_of

if TYPE_CHECKING:
    from pandas.core.groupby import SeriesGroupBy

FEWEST = 5
"""Test predictions that an element needs for a mean error."""


def errors_of_elements(points: pd.DataFrame) -> pd.Series:
    """Return the mean absolute error by element, of those with `FEWEST` predictions or more.

    Args:
        points: Test rows with `material_id`, `y_true` and `y_pred`.
    """
    errors = (points["y_pred"] - points["y_true"]).abs().rename("error")
    by_element = group_by_element(errors, points["material_id"])
    means: pd.Series = by_element.mean()[by_element.size() >= FEWEST]
    return means


def group_by_element(values: pd.Series, material_ids: pd.Series) -> "SeriesGroupBy[Any, Any]":
    """Group the values of materials by the elements that they contain; material ids begin with the composition."""
    symbols = material_ids.map(lambda material_id: list(amounts(composition_of(material_id))))
    table = pd.DataFrame({"value": values.to_numpy(), "element": symbols.to_numpy()})
    return table.explode("element").groupby("element")["value"]


def errors_with_element(points: pd.DataFrame, element: str) -> dict[bool, np.ndarray]:
    """Return the mean absolute error of each member over the materials with (True) and without the element.

    Args:
        points: Test rows with `material_id`, `member`, `y_true` and `y_pred`.
        element: Its symbol.
    """
    has = np.array([element in amounts(composition_of(name)) for name in points["material_id"]])
    points = points.assign(error=(points["y_pred"] - points["y_true"]).abs())
    return {which: points[has == which].groupby("member")["error"].mean().to_numpy() for which in (True, False)}
