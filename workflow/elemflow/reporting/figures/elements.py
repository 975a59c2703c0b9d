"""What figures of elements share: errors and numbers of materials by element, and symbols next to points."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from elemflow.chemistry.composition import amounts
from elemflow.chemistry.material_id import composition_of
from elemflow.core.parquet import read_table

if TYPE_CHECKING:
    from pandas.core.groupby import SeriesGroupBy

FEWEST = 5
"""Test predictions that an element needs for a mean error."""
CORNERS = ((4, 2), (-4, 2), (4, -2), (-4, -2))  # of a point, in points
RADIUS = 3  # of a point, in pixels


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


def count_elements(materials: Path, property_id: str = "") -> Counter[str]:
    """Return the number of materials that contain each element, of those with a value if a property is given."""
    table = read_table(materials, ["composition", *([property_id] if property_id else [])])
    chosen = table.filter(table[property_id].is_valid()) if property_id else table
    return Counter(symbol for composition in chosen["composition"].to_pylist() for symbol in amounts(composition))


def name_points(figure: Figure, named: Sequence[tuple[Axes, str, float, float, str]]) -> None:
    """Write symbols next to their points, each at the corner where it meets the fewest other symbols and points."""
    figure.draw_without_rendering()  # sets the size of the panels
    lines = [line for axis in figure.axes for line in axis.lines]
    places = [place for line in lines for place in line.get_transform().transform(line.get_xydata())]
    taken = [Bbox.from_extents(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in places]
    for axis, symbol, x, y, color in named:
        name = axis.annotate(symbol, (x, y), (0, 0), textcoords="offset points", fontsize=7, color=color)

        def put(corner: tuple[int, int], name: Annotation = name) -> Bbox:
            side, height = ("left" if corner[0] > 0 else "right"), ("bottom" if corner[1] > 0 else "top")
            name.set(position=corner, ha=side, va=height)
            return name.get_window_extent()

        taken.append(put(min(CORNERS, key=lambda corner: put(corner).count_overlaps(taken))))
