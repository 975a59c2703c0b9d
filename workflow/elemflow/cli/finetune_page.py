"""What the page of a fine-tuning shows, out of what was fine-tuned."""

import numpy as np

from elemflow.base.finetune_card import Made
from elemflow.base.finetune_report import (
    LEVELS,
    Fitted,
    bound_text,
    coverage,
    few_text,
    fold_errors,
    fold_means,
    formulas_of,
    formulas_text,
    learned_errors,
    left_out,
    left_out_text,
    predicted_by,
    seen_errors,
    start_text,
    values_of,
)
from elemflow.base.finetuning import METHODS
from elemflow.core.files import sha256_file
from elemflow.reporting.site.finetuned import Finetuned, FoldErrors, Level, Row

MOST_WORST, MOST_LEFT_OUT = 10, 50


def page_of(fitted: Fitted, made: Made, sha256: str) -> Finetuned:
    """Return what the page shows.

    Args:
        fitted: What was fine-tuned.
        made: How it was made.
        sha256: SHA-256 of the predictor.
    """
    left = left_out(fitted)
    return Finetuned(
        title=fitted.measured.target,
        unit=fitted.measured.unit,
        table=made.table.name,
        sources=[(made.table.name, sha256_file(made.table)), (made.origin.name, made.origin.sha256)],
        few=few_text(fitted).replace("`", ""),
        predictor=fitted.predictor,
        sha256=sha256,
        start=start_text(fitted),
        bound=bound_text(fitted).replace("`", ""),
        notes=fitted.notes,
        methods=[_errors(fitted, method) for method in fitted.compared.predictions],
        values=values_of(fitted),
        predicted=predicted_by(fitted, "base"),
        log=fitted.log,
        levels=[
            Level(level, 100 * found[0], found[1]) for level in LEVELS if (found := coverage(fitted, level)) is not None
        ],
        seen=seen_errors(fitted),
        worst=_worst(fitted),
        repeated=fitted.measured.repeated,
        left_out=left[:MOST_LEFT_OUT],
        n_left_out=len(left),
        formulas=formulas_text(fitted.measured),
        summary=left_out_text(fitted.measured, fitted.lost),
    )


def _errors(fitted: Fitted, method: str) -> FoldErrors:
    error, in_unit = (float(errors(fitted, method).mean()) for errors in (learned_errors, fold_errors))
    return FoldErrors(METHODS[method], error, tuple(fold_means(fitted, method)), in_unit, own=method == "base")


def _worst(fitted: Fitted) -> list[Row]:
    """Return the rows with the largest errors, the largest first."""
    values, predicted = values_of(fitted), predicted_by(fitted, "base")
    formulas = formulas_of(fitted)
    places = np.argsort(-learned_errors(fitted, "base"), kind="stable")[:MOST_WORST]
    new = "new" if fitted.compared.complete else "unknown"
    words = ["seen" if seen else new for seen in fitted.compared.seen]
    return [Row(formulas[row], float(values[row]), float(predicted[row]), words[row]) for row in places]
