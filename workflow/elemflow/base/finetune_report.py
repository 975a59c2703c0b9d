"""The one-page report of a fine-tuning: errors of all methods on the same folds, intervals, what the base had seen."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from elemflow.base.finetuning import METHODS, Comparison, Rows
from elemflow.base.intervals import Calibrated, cross_coverage
from elemflow.base.predictor import FEWEST
from elemflow.base.table import Measured
from elemflow.base.table_rows import summary_of
from elemflow.chemistry.composition import amounts
from elemflow.config.base import Transform
from elemflow.curation.numbers import comma_note
from elemflow.evaluation.conformal import DEFAULT_LEVEL
from elemflow.multitask.transforms import from_target, to_target

MOST_SHOWN = 5
"""Most rows of each list of the report."""
LEVELS = (50, 60, 70, 80, 90, 95)
"""Levels in per cent at which intervals are checked."""


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
        started_from: Name of the base, or of the run whose networks were fine-tuned.
        notes: Warnings.
        predictor: Name of the file with the predictor.
        minimum: Lowest value of predictions and intervals, if the user named one.
    """

    measured: Measured
    rows: Rows
    lost: list[tuple[str, str]]
    compared: Comparison
    transform: Transform
    nearest: tuple[str, str]
    correlation: float
    started_from: str
    notes: list[str]
    predictor: str
    minimum: float | None = None

    @property
    def bound(self) -> float:
        """Return the minimum as it is learned; minus infinity if there is none."""
        if self.minimum is None or (self.transform == "log10" and self.minimum <= 0):
            return -np.inf
        return float(to_target(np.array([self.minimum]), self.transform)[0])

    @property
    def log(self) -> bool:
        """Return whether the decimal logarithm was learned."""
        return self.transform == "log10"


def values_of(fitted: Fitted) -> np.ndarray:
    """Return the values of the rows in the unit of the property."""
    return from_target(fitted.rows.y, fitted.transform)


def predicted_by(fitted: Fitted, method: str) -> np.ndarray:
    """Return the predictions of a method in the unit of the property, each row by a model of the other folds.

    They end at the minimum, as those of the predictor do.
    """
    return from_target(_learned_by(fitted, method), fitted.transform)


def _learned_by(fitted: Fitted, method: str) -> np.ndarray:
    return np.maximum(fitted.compared.predictions[method], fitted.bound)


def fold_errors(fitted: Fitted, method: str) -> np.ndarray:
    """Return the absolute errors of a method in the unit of the property, each row by a model of the other folds."""
    return np.abs(predicted_by(fitted, method) - values_of(fitted))


def learned_errors(fitted: Fitted, method: str) -> np.ndarray:
    """Return what `fold_errors` does in what was learned: in decades, of a logarithm. Methods are ranked by these."""
    return np.abs(_learned_by(fitted, method) - fitted.rows.y)


def fold_means(fitted: Fitted, method: str) -> list[float]:
    """Return the mean absolute error of a method on each fold, in what was learned."""
    errors = learned_errors(fitted, method)
    return [float(errors[fitted.compared.folds == fold].mean()) for fold in np.unique(fitted.compared.folds)]


def error_header(fitted: Fitted) -> list[str]:
    """Return the names of the columns of `error_lines`."""
    error = f"mean absolute error{_unit(fitted)}"
    if fitted.log:
        return ["method", "mean absolute error [decades]", "sd over folds", error]
    return ["method", error, "sd over folds"]


def error_lines(fitted: Fitted) -> list[list[str]]:
    """Return method, error and its standard deviation over the folds as cells, the lowest error first.

    Of a logarithm these are in decades, and the error in the unit is a further cell.
    """
    errors = {each: float(learned_errors(fitted, each).mean()) for each in fitted.compared.predictions}
    return [
        [METHODS[each], f"{errors[each]:.4g}", f"{np.std(fold_means(fitted, each), ddof=1):.2g}"]
        + ([f"{fold_errors(fitted, each).mean():.4g}"] if fitted.log else [])
        for each in sorted(errors, key=lambda method: errors[method])
    ]


def no_better_note(fitted: Fitted) -> list[str]:
    """Return a warning if the fine-tuned base has no lower error than the median on rows that neither has seen."""
    own, median = (float(learned_errors(fitted, method).mean()) for method in ("base", "constant"))
    if own < median:
        return []
    unit = " decades" if fitted.log else _after(fitted)
    note = (
        "Warning: the predictor is no better than a constant. Its mean absolute error on rows that it has not seen is "
        f"{own:.4g}{unit}, that of the median of the training values {median:.4g}{unit}. Do not use its predictions: "
        "the values may not follow from the composition, or the rows are too few or too noisy."
    )
    return [note]


def error_unit(fitted: Fitted) -> str:
    """Return what errors are in, in brackets after a space, or an empty text."""
    return " [decades]" if fitted.log else _unit(fitted)


def start_text(fitted: Fitted) -> str:
    """Return a sentence on what the networks started from."""
    return (
        f"Started from the head “{fitted.nearest[0]}” of {fitted.started_from} (R² {fitted.correlation:.2f} with the "
        "values)."
    )


def bound_text(fitted: Fitted) -> str:
    """Return a sentence on the lowest prediction."""
    if fitted.minimum is not None:
        return f"Predictions and intervals end at {fitted.minimum:g}{_after(fitted)}, as `--minimum` says."
    if fitted.log:
        return "Predictions and intervals are positive."
    if fitted.measured.values.min() >= 0:
        return (
            "Predictions and intervals have no lower bound. No value of the table is negative; if the property cannot "
            "be, fine-tune with `--minimum 0`."
        )
    return "Predictions and intervals have no lower bound."


def _after(fitted: Fitted) -> str:
    return f" {fitted.measured.unit}" if fitted.measured.unit else ""


def left_out(fitted: Fitted) -> list[tuple[str, str, str]]:
    """Return row, formula and reason of the rows that were left out; those without features have no number."""
    found = [(str(each.row), each.formula, each.reason) for each in fitted.measured.rejected]
    return [*found, *(("", text, reason) for text, reason in fitted.lost)]


def left_out_text(measured: Measured, lost: list[tuple[str, str]]) -> str:
    """Return how many rows were left out, by reason and with examples of cells; empty if none was.

    Args:
        measured: The table.
        lost: Formula and reason of rows without features.
    """
    without, number = _without_features(measured, lost), left_out_rows(measured, lost)
    return (
        f"{number:,} of {measured.n_rows:,} rows left out: {summary_of(measured.rejected, without)}" if number else ""
    )


def left_out_rows(measured: Measured, lost: list[tuple[str, str]]) -> int:
    """Return how many rows were left out; see `left_out_text`."""
    return len(measured.rejected) + sum(rows for _, rows in _without_features(measured, lost))


def _without_features(measured: Measured, lost: list[tuple[str, str]]) -> list[tuple[str, int]]:
    """Return the formulas without features and the number of rows of each."""
    counts = dict(zip(measured.formulas, measured.counts.tolist(), strict=True))
    return [(formula, counts[formula]) for formula, _ in lost]


def few_elements(fitted: Fitted) -> dict[str, int]:
    """Return the elements of fewer than `FEWEST` compositions of the table, with the number of these."""
    counts: dict[str, int] = {}
    for composition in fitted.rows.compositions:
        for symbol in amounts(composition):
            counts[symbol] = counts.get(symbol, 0) + 1
    return {symbol: counts[symbol] for symbol in sorted(counts) if counts[symbol] < FEWEST}


def few_text(fitted: Fitted) -> str:
    """Return a sentence on the elements of few compositions; empty if there are none."""
    found = few_elements(fitted)
    if not found:
        return ""
    shown = ", ".join(f"{symbol} ({number})" for symbol, number in found.items())
    return (
        f"Elements in fewer than {FEWEST} compositions of the table: {shown}. The predictor does not flag formulas "
        f"with them as `far` for that, as the base does where fewer than {FEWEST} training compositions "
        "have an element."
    )


def formulas_text(measured: Measured) -> str:
    """Return from which column the formulas are, and which others have some."""
    others = f"; also possible: {', '.join(measured.others)} (--formula)" if measured.others else ""
    return f"formulas: {measured.column}{others}"


def comma_text(measured: Measured) -> str:
    """Return how numbers with a comma are read; empty if there are none."""
    return comma_note(measured.comma)


def coverage(fitted: Fitted, level: int) -> tuple[float, float] | None:
    """Return which part of the rows intervals hold, and their mean width, in what was learned.

    Args:
        fitted: What is reported.
        level: Level in per cent.

    Returns:
        Coverage and width; None if there are too few rows.
    """
    predicted = fitted.compared.predictions["base"]
    errors = np.abs(predicted - fitted.rows.y)
    order = np.random.default_rng(0).permutation(len(errors))
    rows = Calibrated(errors, fitted.compared.spread, predicted)
    found = cross_coverage(rows.take(order), level)
    if found is None:
        return None
    low, high = (np.maximum(predicted[order] + sign * found[1], fitted.bound) for sign in (-1, 1))
    return found[0], float(np.mean(high - low))


def seen_errors(fitted: Fitted) -> list[tuple[str, int, float]]:
    """Return which rows, how many, and the mean error of the fine-tuned base on them; NaN where there is none.

    Errors are in what was learned.
    """
    errors, seen = learned_errors(fitted, "base"), fitted.compared.seen
    other = "new to the base" if fitted.compared.complete else "unknown whether seen"
    parts = (("the base has seen the composition", seen), (other, ~seen))
    return [(text, int(mask.sum()), float(errors[mask].mean()) if mask.any() else float("nan")) for text, mask in parts]


def seen_lines(fitted: Fitted) -> list[list[str]]:
    """Return what `seen_errors` does as cells."""
    return [[text, str(n), "–" if np.isnan(error) else f"{error:.4g}"] for text, n, error in seen_errors(fitted)]


def formulas_of(fitted: Fitted) -> list[str]:
    """Return the rows as the table writes them."""
    measured = fitted.measured
    written = dict(zip(measured.compositions, measured.formulas, strict=True))
    return [written[composition] for composition in fitted.rows.compositions]


def report_text(fitted: Fitted) -> str:
    """Return the report as Markdown."""
    return "\n".join([*_head(fitted), *_errors(fitted), *_reliability(fitted), *_rows(fitted), *_use(fitted)]) + "\n"


def _unit(fitted: Fitted) -> str:
    return f" [{fitted.measured.unit}]" if fitted.measured.unit else ""


def _head(fitted: Fitted) -> Iterator[str]:
    measured = fitted.measured
    yield f"# {measured.target}{_unit(fitted)}: fine-tuned on {len(fitted.rows.y):,} compositions"
    yield ""
    yield start_text(fitted)
    if fitted.log:
        yield "The decimal logarithm was learned."
    yield bound_text(fitted)
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
    if fitted.log:
        yield "A decade is a factor of 10; the lines are in the order of the errors in decades."
        yield ""
    header = error_header(fitted)
    yield f"| {' | '.join(header)} |"
    yield "|---" * len(header) + "|"
    yield from (f"| {' | '.join(line)} |" for line in error_lines(fitted))
    yield ""
    yield f"| fine-tuned base, by whether pre-training had the composition | rows | error{error_unit(fitted)} |"
    yield "|---|---|---|"
    yield from (f"| {' | '.join(line)} |" for line in seen_lines(fitted))
    yield ""
    known = sorted(fitted.compared.heads.items(), key=lambda item: -item[1])[:MOST_SHOWN]
    if fitted.compared.seen.any():
        shown = ", ".join(f"`{name}` {count:,}" for name, count in known if count)
        yield f"Seen under, most often: {shown}. Such values are not those of the table, but may be close to them."
        yield ""


def _reliability(fitted: Fitted) -> Iterator[str]:
    found = coverage(fitted, DEFAULT_LEVEL)
    yield "## Intervals"
    yield ""
    if found is None:
        yield f"Too few rows to check intervals of {DEFAULT_LEVEL} %."
    else:
        of = " decades" if fitted.log else _after(fitted)
        yield (
            f"Intervals of {DEFAULT_LEVEL} % hold {100 * found[0]:.0f} % of the rows, {found[1]:.3g}{of} wide on "
            "average; each half of the rows was calibrated on the other."
        )
    yield ""


def _rows(fitted: Fitted) -> Iterator[str]:
    measured, errors = fitted.measured, learned_errors(fitted, "base")
    yield "## Rows"
    yield ""
    yield f"- {formulas_text(measured)}"
    yield from (f"- {line}" for line in [comma_text(measured)] if line)
    yield f"- compositions: {len(fitted.rows.y):,}; rows that share theirs with others: {measured.repeated:,} (median)"
    left = [f"row {row}, {text}: {reason}" if row else f"{text}: {reason}" for row, text, reason in left_out(fitted)]
    yield f"- {left_out_text(measured, fitted.lost) or 'no row was left out'}"
    yield from (f"    - {line}" for line in left[:MOST_SHOWN])
    if len(left) > MOST_SHOWN:
        yield f"    - … and {len(left) - MOST_SHOWN:,} more"
    worst = np.argsort(-errors)[:MOST_SHOWN]
    values = values_of(fitted)
    formulas = formulas_of(fitted)
    shown = [
        f"{formulas[row]} ({values[row]:.4g}, off by {errors[row]:.3g}{' decades' if fitted.log else ''})"
        for row in worst
    ]
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
    if few := few_text(fitted):
        yield ""
        yield few
