"""Small charts as paths of an SVG: parity, training curves and coverage. The page gives them their colours."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEFT, TOP, WIDTH, HEIGHT = 62, 12, 340, 300
"""Frame of the drawing area, in units of the SVG."""

POINTS_DRAWN = 1000
"""Most points of a parity chart; more are counted in squares."""

SQUARES = 68
"""Squares per side."""

CURVE_POINTS = 1500
"""Most points of all curves of a chart together."""

FEWEST_TICKS, MOST_TICKS = 3, 8
LONG = 1e5
"""Values from here on have labels such as 2e+05."""

LOG_FROM = 4
"""Curves that fall to less than this part of their highest value are drawn on a logarithmic axis."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, in units of the SVG, and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """A path and the class that gives it its look."""

    look: str
    path: str


@dataclass(frozen=True)
class Chart:
    """A chart: titles of its axes, ticks, and paths from back to front; `note` says what is not drawn."""

    label: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    note: str = ""


@dataclass(frozen=True)
class _Axis:
    """An axis from `low` to `high` over `length` units; with `log` a logarithmic one, with `whole` one of counts."""

    low: float
    high: float
    length: int
    log: bool = False
    whole: bool = False

    def place(self, values: Array) -> Array:
        """Return the distance of values from the lower end, in units of the SVG."""
        ends = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        scaled = np.log10(values) if self.log else values
        found: Array = (scaled - ends[0]) / (ends[1] - ends[0]) * self.length
        return found

    def ticks(self) -> list[float]:
        """Return round values within the axis: of steps of 1, 2 or 5 times a power of ten."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            values = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
            inside = [value for value in values if self.low <= value <= self.high]
            if len(inside) >= FEWEST_TICKS:  # within less than a power of ten, steps are as on a linear axis
                return inside if len(inside) <= MOST_TICKS else [value for value in inside if _is_power(value)]
        raw = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
        step = max(step, 1.0) if self.whole else step
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def draw_parity(true: Array, predicted: Array, unit: str, *, log: bool = False, known: str = "true") -> Chart:
    """Draw predicted against true values over the range of the true ones; more than 1,000 are counted in squares.

    Args:
        true: Values of the test materials (rows,); at least one.
        predicted: Predictions (rows,).
        unit: Unit of both.
        log: Whether both axes are logarithmic; the values must be positive.
        known: What the true values are called.
    """
    low, high = _range(true, log=log)
    axis, upright = _Axis(low, high, WIDTH, log), _Axis(low, high, HEIGHT, log)
    inside = (predicted >= axis.low) & (predicted <= axis.high)
    x, y = axis.place(true[inside]), upright.place(predicted[inside])
    outside = int((~inside).sum())
    note = f"{outside:,} of {len(true):,} predictions lie outside the range drawn." if outside else ""
    diagonal = Mark("diagonal", f"M{LEFT} {TOP + HEIGHT}L{LEFT + WIDTH} {TOP}")
    cloud = [Mark("points", _dots(x, y))] if len(x) <= POINTS_DRAWN else list(_squares(x, y))
    return Chart(
        label=f"Predicted against {known} values of {len(true):,} test rows",
        x_title=with_unit(known, unit),
        y_title=with_unit("predicted", unit),
        x_ticks=tuple(_ticks(axis, lambda at: LEFT + at)),
        y_ticks=tuple(_ticks(upright, lambda at: TOP + HEIGHT - at)),
        marks=(diagonal, *cloud),
        note=note,
    )


def draw_curves(curves: Mapping[str, tuple[Array, Array]], x_title: str, y_title: str) -> Chart:
    """Draw a curve per member, with a dot at its lowest value.

    Args:
        curves: Epochs or steps, and errors, of each member; at least one point in all.
        x_title: What runs along the horizontal axis.
        y_title: What the curves show.
    """
    lowest = min(float(y.min()) for _, y in curves.values())
    highest = max(float(y.max()) for _, y in curves.values())
    log = lowest > 0 and highest > LOG_FROM * lowest
    margin = 0 if log else 0.06 * (highest - lowest) or 0.5 * abs(highest) or 1.0
    first, last = min(float(x.min()) for x, _ in curves.values()), max(float(x.max()) for x, _ in curves.values())
    across = _Axis(first, last if last > first else first + 1, WIDTH, whole=True)
    upright = _Axis(lowest * 0.92 if log else lowest - margin, highest * 1.05 if log else highest + margin, HEIGHT, log)
    marks, dots = [], []
    for number, (x, y) in enumerate(curves.values()):
        best = int(y.argmin())
        kept = _thin(len(x), best, max(30, CURVE_POINTS // len(curves)))
        placed = across.place(x), upright.place(y)
        marks.append(Mark(f"curve c{number % 6}", _line(placed[0][kept], placed[1][kept])))
        dots.append(Mark(f"best c{number % 6}", _dots(placed[0][best : best + 1], placed[1][best : best + 1])))
    return Chart(
        label=f"{y_title} of {len(curves)} member{'s' * (len(curves) > 1)} by {x_title}",
        x_title=x_title,
        y_title=y_title,
        x_ticks=tuple(_ticks(across, lambda at: LEFT + at)),
        y_ticks=tuple(_ticks(upright, lambda at: TOP + HEIGHT - at)),
        marks=(*marks, *dots),
    )


def draw_coverage(levels: Array, covered: Array) -> Chart:
    """Draw which part of the rows their intervals hold, by the level of the intervals; ideally on the diagonal.

    Args:
        levels: Levels in per cent (levels,); at least one.
        covered: Parts of the rows in per cent (levels,).
    """
    low = float(min(levels.min(), covered.min()))
    across, upright = _Axis(low - 5, 100, WIDTH), _Axis(low - 5, 100, HEIGHT)
    x, y = across.place(levels), upright.place(covered)
    return Chart(
        label=f"Part of the rows inside their interval at {len(levels)} levels",
        x_title="level of the interval (%)",
        y_title="rows inside (%)",
        x_ticks=tuple(_ticks(across, lambda at: LEFT + at)),
        y_ticks=tuple(_ticks(upright, lambda at: TOP + HEIGHT - at)),
        marks=(
            Mark("diagonal", f"M{LEFT} {TOP + HEIGHT}L{LEFT + WIDTH} {TOP}"),
            Mark("curve c0", _line(x, y)),
            Mark("best c0", _dots(x, y)),
        ),
    )


def with_unit(text: str, unit: str) -> str:
    """Return a label with its unit in brackets, if that is known."""
    return f"{text} ({unit})" if unit else text


def _range(values: Array, *, log: bool) -> tuple[float, float]:
    """Return the ends of an axis a little beyond values."""
    low, high = float(values.min()), float(values.max())
    if log:
        factor = (high / low) ** 0.08 if high > low else 2.0
        return low / factor, high * factor
    margin = 0.08 * (high - low) or abs(high) or 1.0
    return low - margin, high + margin


def _is_power(value: float) -> bool:
    return math.log10(value).is_integer()


def _ticks(axis: _Axis, shift: Callable[[float], float]) -> Iterable[Tick]:
    values = axis.ticks()
    places = axis.place(np.array(values))
    texts = [f"{value:.6g}" if abs(value) < LONG else _with_power(value) for value in values]
    if not axis.log and not any("e" in text for text in texts):  # all with as many digits: 0.60, 0.65, 0.70
        decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
        texts = [f"{value:.{decimals}f}" for value in values]
    for shown, at in zip(texts, places, strict=True):
        yield Tick(round(shift(float(at)), 1), "0" if float(shown) == 0 else shown.replace("-", "−"))


def _with_power(value: float) -> str:
    """Return a value such as 2.5e+05, with the digits that it needs."""
    mantissa, power = f"{value:.5e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{power}"


def _thin(length: int, best: int, most: int) -> npt.NDArray[np.intp]:
    step = -(-length // most)
    return np.union1d(np.arange(0, length, step), [best, length - 1])


def _points(x: Array, y: Array) -> list[str]:
    return [f"{LEFT + across:.1f} {TOP + HEIGHT - up:.1f}" for across, up in zip(x, y, strict=True)]


def _line(x: Array, y: Array) -> str:
    return f"M{'L'.join(_points(x, y))}"


def _dots(x: Array, y: Array) -> str:
    """Return a path of no length per point: its round ends are the dots."""
    return "".join(f"M{point}h0" for point in _points(x, y))


def _squares(x: Array, y: Array) -> Iterable[Mark]:
    """Yield a path per class of how many points a square holds: 1, up to 3, 9, 27, and more."""
    wide, high = WIDTH / SQUARES, HEIGHT / SQUARES
    columns = np.minimum(x // wide, SQUARES - 1).astype(int).tolist()
    rows = np.minimum(y // high, SQUARES - 1).astype(int).tolist()
    classes: dict[int, list[tuple[int, int]]] = {}
    for square, count in sorted(Counter(zip(columns, rows, strict=True)).items()):
        classes.setdefault(min(math.ceil(math.log(count, 3) - 1e-9), 4), []).append(square)
    for level, squares in sorted(classes.items()):
        corners: Sequence[str] = [
            f"M{LEFT + column * wide:.0f} {TOP + HEIGHT - (row + 1) * high:.0f}h5v4.4h-5z" for column, row in squares
        ]
        yield Mark(f"squares d{level}", "".join(corners))
