"""The page of a fine-tuning: one file in the style of the site, with its style and figures in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jinja2 import Environment

from elemflow.reporting.pages import make_environment
from elemflow.reporting.site.charts import Array, Chart, draw_coverage, draw_parity
from elemflow.reporting.site.render import TEMPLATES
from elemflow.reporting.text import count_decimals, format_number
from elemflow.reporting.view import NO_VALUE

DIGITS = 3
"""Significant digits of errors."""


@dataclass(frozen=True)
class FoldErrors:
    """Errors of a method on the folds.

    Attributes:
        method: What it is called.
        error: Mean absolute error over all rows, in what was learned: in decades, of a logarithm.
        folds: Mean absolute error of each fold, in the same.
        in_unit: Mean absolute error over all rows in the unit of the property.
        own: Whether it is the method that the predictor has.
    """

    method: str
    error: float
    folds: tuple[float, ...]
    in_unit: float
    own: bool = False

    @property
    def spread(self) -> float:
        """Return the sample standard deviation over the folds."""
        return float(np.std(self.folds, ddof=1))


@dataclass(frozen=True)
class Level:
    """A level of the intervals in per cent, the part of the rows inside in per cent, and the mean width."""

    level: int
    covered: float
    width: float


@dataclass(frozen=True)
class Row:
    """A row of the table: formula, value, prediction without it, and `seen`, `new` or `unknown` to the base."""

    formula: str
    value: float
    predicted: float
    seen: str


@dataclass(frozen=True)
class Finetuned:
    """What the page of a fine-tuning shows.

    Attributes:
        title: Name of the property.
        unit: Its unit, or an empty text.
        table: Name of the table.
        predictor: Name of the file with the predictor.
        sha256: Its SHA-256.
        start: What the networks started from.
        bound: Where predictions end.
        notes: Warnings.
        methods: Errors of all methods on the same folds, the predictor's first.
        values: Values of the rows (rows,).
        predicted: Predictions of models that have not seen the row (rows,).
        log: Whether the decimal logarithm was learned.
        levels: Intervals at some levels; none if there are too few rows.
        seen: Which rows, their number, and the error on them, by whether the base has seen the composition.
        worst: Rows with the largest errors.
        repeated: Rows whose composition another row has too.
        left_out: Row, formula and reason of some of those that were left out.
        n_left_out: Number of them.
        formulas: Column of the formulas, and others that have some.
        sources: Name and SHA-256 of the table and of what was fine-tuned.
        few: What is said of elements that few rows have; may be empty.
        summary: How many rows were left out by reason; empty if none was.
    """

    title: str
    unit: str
    table: str
    predictor: str
    sha256: str
    start: str
    bound: str
    notes: Sequence[str]
    methods: Sequence[FoldErrors]
    values: Array
    predicted: Array
    log: bool
    levels: Sequence[Level]
    seen: Sequence[tuple[str, int, float]]
    worst: Sequence[Row]
    repeated: int
    left_out: Sequence[tuple[str, str, str]]
    n_left_out: int
    formulas: str
    summary: str
    sources: Sequence[tuple[str, str]] = ()
    few: str = ""

    @property
    def bracketed(self) -> str:
        """Return the unit in brackets after a space, or an empty text."""
        return f" ({self.unit})" if self.unit else ""

    @property
    def error_unit(self) -> str:
        """Return what errors are in: decades of a logarithm, else the unit."""
        return "decades" if self.log else self.unit

    def comparison(self) -> list[str]:
        """Return a sentence per other method: how its error compares on the same folds."""
        own, *others = self.methods
        sentences = []
        for other in others:
            change = 100 * (own.error / other.error - 1) if other.error else float("nan")
            lower = sum(a < b for a, b in zip(own.folds, other.folds, strict=True))
            word = "below" if change < 0 else "above"
            sentences.append(
                f"{abs(change):.0f} % {word} {other.method} ({show(other.error)}), lower in {lower} of "
                f"{len(own.folds)} folds"
            )
        return sentences

    def charts(self) -> list[Chart]:
        """Return parity, and coverage of the intervals if there are some."""
        parity = draw_parity(self.values, self.predicted, self.unit, log=self.log, known="measured")
        parity = replace(parity, note=f"{self._fit()} {parity.note}".strip())
        if not self.levels:
            return [parity]
        levels = np.array([[each.level, each.covered] for each in self.levels], dtype=float)
        return [parity, draw_coverage(levels[:, 0], levels[:, 1])]

    def _fit(self) -> str:
        """Return a sentence with R² and the root mean square error, in decades where logarithms were learned."""
        values, predicted = (np.log10(each) if self.log else each for each in (self.values, self.predicted))
        errors = predicted - values
        r2 = 1 - float(np.mean(errors**2) / np.var(values))
        unit = " decades" if self.log else f" {self.unit}" if self.unit else ""
        return f"R² {r2:.2f}, root mean square error {show(float(np.sqrt(np.mean(errors**2))))}{unit}."


def show(value: float) -> str:
    """Return a number with `DIGITS` significant digits at least."""
    return format_number(value, count_decimals(value, digits=DIGITS)) if np.isfinite(value) else NO_VALUE


def finetuned_page(shown: Finetuned) -> str:
    """Return the page as HTML."""
    largest = max(max(method.folds) for method in shown.methods)
    return (
        _environment()
        .get_template("finetuned.html.j2")
        .render(shown=shown, largest=largest, style=(TEMPLATES / "site.css").read_text(encoding="utf-8"))
    )


@cache
def _environment() -> Environment:
    environment = make_environment(TEMPLATES)
    environment.globals["show"] = show
    return environment
