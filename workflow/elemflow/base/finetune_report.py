"""The one-page report of a fine-tuning: errors of all methods on the same folds, intervals, what the base had seen."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from elemflow.base.finetuning import METHODS, Comparison, Rows
from elemflow.base.intervals import Calibrated, cross_coverage
from elemflow.base.table import Measured
from elemflow.config.base import Transform
from elemflow.evaluation.conformal import DEFAULT_LEVEL
from elemflow.multitask.transforms import from_target

MOST_SHOWN = 5
"""Most rows of each list of the report."""


class Fitted(NamedTuple):
    """What is reported.

    Attributes:
        measured: The table.
        rows: Its rows with features.
        lost: Formula and reason of rows without features.
        compared: Predictions of the folds.
        transform: What was learned of a value.
        nearest: Title and unit of the head that the networks started from.
        correlation: Its squared correlation with the values.
        notes: Warnings.
        predictor: Name of the file with the predictor.
    """

    measured: Measured
    rows: Rows
    lost: list[tuple[str, str]]
    compared: Comparison
    transform: Transform
    nearest: tuple[str, str]
    correlation: float
    notes: list[str]
    predictor: str


def fold_errors(fitted: Fitted, method: str) -> np.ndarray:
    """Return the absolute errors of a method in the unit of the property, each row by a model of the other folds."""
    found = from_target(fitted.compared.predictions[method], fitted.transform)
    return np.abs(found - from_target(fitted.rows.y, fitted.transform))


def error_lines(fitted: Fitted) -> list[list[str]]:
    """Return method, error and its standard deviation over the folds as cells."""
    lines = []
    for method in fitted.compared.predictions:
        errors = fold_errors(fitted, method)
        means = [errors[fitted.compared.folds == fold].mean() for fold in np.unique(fitted.compared.folds)]
        lines.append([METHODS[method], f"{errors.mean():.4g}", f"{np.std(means, ddof=1):.2g}"])
    return lines


def seen_lines(fitted: Fitted) -> list[list[str]]:
    """Return which rows, how many, and the error of the fine-tuned base on them as cells."""
    errors, seen = fold_errors(fitted, "base"), fitted.compared.seen
    parts = (("the base has seen the composition", seen), ("new to the base", ~seen))
    return [[text, str(int(mask.sum())), f"{errors[mask].mean():.4g}" if mask.any() else "–"] for text, mask in parts]


def report_text(fitted: Fitted) -> str:
    """Return the report as Markdown."""
    return "\n".join([*_head(fitted), *_errors(fitted), *_reliability(fitted), *_rows(fitted), *_use(fitted)]) + "\n"


def _unit(fitted: Fitted) -> str:
    return f" [{fitted.measured.unit}]" if fitted.measured.unit else ""


def _head(fitted: Fitted) -> Iterator[str]:
    measured = fitted.measured
    yield f"# {measured.target}{_unit(fitted)}: fine-tuned on {len(fitted.rows.y):,} compositions"
    yield ""
    title, _ = fitted.nearest
    yield f"Started from the head “{title}” (R² {fitted.correlation:.2f} with the values)."
    if fitted.transform == "log10":
        yield "The decimal logarithm was learned."
    yield ""
    for note in fitted.notes:
        yield f"**{note}**"
        yield ""


def _errors(fitted: Fitted) -> Iterator[str]:
    folds = len(np.unique(fitted.compared.folds))
    yield f"## Errors, {folds} folds by composition"
    yield ""
    yield "Every row is predicted by models that saw neither it nor another row of its composition."
    yield ""
    yield f"| method | mean absolute error{_unit(fitted)} | sd over folds |"
    yield "|---|---|---|"
    yield from (f"| {' | '.join(line)} |" for line in error_lines(fitted))
    yield ""
    yield "| fine-tuned base, by whether pre-training had the composition | rows | error |"
    yield "|---|---|---|"
    yield from (f"| {' | '.join(line)} |" for line in seen_lines(fitted))
    yield ""
    known = sorted(fitted.compared.heads.items(), key=lambda item: -item[1])[:MOST_SHOWN]
    if fitted.compared.seen.any():
        shown = ", ".join(f"`{name}` {count:,}" for name, count in known if count)
        yield f"Seen under, most often: {shown}. Such values are not those of the table, but may be close to them."
        yield ""


def _reliability(fitted: Fitted) -> Iterator[str]:
    errors = np.abs(fitted.compared.predictions["base"] - fitted.rows.y)
    order = np.random.default_rng(0).permutation(len(errors))
    rows = Calibrated(errors, fitted.compared.spread, fitted.compared.predictions["base"])
    found = cross_coverage(rows.take(order), DEFAULT_LEVEL)
    yield "## Intervals"
    yield ""
    if found is None:
        yield f"Too few rows to check intervals of {DEFAULT_LEVEL} %."
    else:
        width = 2 * float(np.mean(found[1]))
        unit = f" {fitted.measured.unit}" if fitted.measured.unit else ""
        of = " in decimal logarithms" if fitted.transform == "log10" else unit
        yield (
            f"Intervals of {DEFAULT_LEVEL} % hold {100 * found[0]:.0f} % of the rows, {width:.3g}{of} wide on average; "
            "each half of the rows was calibrated on the other."
        )
    yield ""


def _rows(fitted: Fitted) -> Iterator[str]:
    measured, errors = fitted.measured, fold_errors(fitted, "base")
    yield "## Rows"
    yield ""
    yield f"- compositions: {len(fitted.rows.y):,}; rows that share theirs with others: {measured.repeated:,} (median)"
    left = [f"row {row}, {text}: {reason}" for row, text, reason in measured.rejected]
    left += [f"{text}: {reason}" for text, reason in fitted.lost]
    yield f"- left out: {len(left):,}" + (f", such as {'; '.join(left[:MOST_SHOWN])}" if left else "")
    worst = np.argsort(-errors)[:MOST_SHOWN]
    values = from_target(fitted.rows.y, fitted.transform)
    shown = [f"{fitted.rows.compositions[row]} ({values[row]:.4g}, off by {errors[row]:.3g})" for row in worst]
    yield f"- largest errors: {', '.join(shown)}: look at these values first"
    yield ""


def _use(fitted: Fitted) -> Iterator[str]:
    yield "## Use"
    yield ""
    yield f"    elemflow predict --model {fitted.predictor} Fe2O3"
    yield ""
    yield (
        "The predictor was trained on all rows; its flag is `far` where a formula has an element that the table lacks. "
        "Cite the base's data (`elemflow info`) with your own."
    )
