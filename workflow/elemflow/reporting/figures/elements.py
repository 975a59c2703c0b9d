"""What figures of elements share: numbers of materials by element, and symbols next to points."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from elemflow.chemistry.composition import amounts
from elemflow.core.parquet import read_table

CORNERS = ((4, 2), (-4, 2), (4, -2), (-4, -2), (4, 9), (-4, 9), (4, -9), (-4, -9))  # of a point, in points
RADIUS = 3  # of a point, in pixels


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
