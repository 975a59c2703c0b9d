"""The page of a run: its errors, parity, training curves, intervals, and what it was computed from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from elemflow.core.parquet import count_rows, read_frame
from elemflow.core.run import Run
from elemflow.evaluation.conformal import IntervalKind
from elemflow.evaluation.records import CoverageReport, Errors, ErrorSummary, Evaluation, RoleErrors
from elemflow.plan.site import SiteRun
from elemflow.reporting.results import read_evaluation, read_seen, read_test_points
from elemflow.reporting.site.cells import ListedCell
from elemflow.reporting.site.charts import Chart, draw_curves, draw_parity, with_unit
from elemflow.reporting.site.render import Site, run_page
from elemflow.reporting.site.run_record import RunRecord
from elemflow.reporting.text import count_decimals, format_number
from elemflow.reporting.view import NO_VALUE

ERRORS = ("mae", "mae_standard_error", "rmse", "r2", "median_ae", "p90_abs_error")
LEVELS = ("50", "80", "90", "95")
"""Levels of intervals, in per cent, of those in `metrics.json`."""

INTERVALS = {
    IntervalKind.NORMALISED: "normalised",
    IntervalKind.SPLIT_CONFORMAL: "one width",
    IntervalKind.MONDRIAN: "by groups",
    IntervalKind.GAUSSIAN: "Gaussian, not calibrated",
}


@dataclass(frozen=True)
class ErrorRow:
    """Errors of a member, of an ensemble, or of all: texts in the order of `ERRORS`; `look` is `member` or `sum`."""

    label: str
    test_rows: str
    validation: str
    errors: tuple[str, ...]
    seed: str
    look: str = "member"


@dataclass(frozen=True)
class LevelRow:
    """A level of the intervals, and coverage and mean width of each kind."""

    level: str
    kinds: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ChosenRow:
    """What the search of a member chose: its model, settings as text, validation error, and number of trials."""

    member: str
    model: str
    settings: str
    error: str
    trials: str


def write_run(site: Site, run: SiteRun, cells: Sequence[ListedCell]) -> None:
    """Write the page of a run.

    Args:
        site: The site.
        run: The run; its files lie in its folder, but a history may be absent.
        cells: The cells that show it.

    Raises:
        DataError: A file is not one of this workflow.
    """
    folder, ids = Path(run.folder), Run.parse(run.run)
    record, evaluation = RunRecord.read(folder / "run_info.json"), read_evaluation(folder / "metrics.json")
    test = evaluation.test if evaluation else None
    site.write(
        run_page(run.run),
        "run",
        title=run.title or f"{ids.model} · {ids.dataset} · {ids.property.replace('_', ' ')}",
        run=run,
        ids=ids,
        record=record,
        cells=cells,
        not_run=evaluation.not_run if evaluation else None,
        errors=list(_list_errors(evaluation, record)) if evaluation and test else [],
        charts=[chart for chart in (_parity(folder, record, test), _curves(folder, record)) if chart],
        seen=read_seen(folder / "metrics.json"),
        chosen=list(_list_chosen(record)),
        interval_kinds=list(INTERVALS.values()),
        intervals=_list_intervals(test.uncertainty) if test and test.uncertainty else [],
        pretrained_href=site.link_to_run(record.pretrained or ""),
    )


def _list_errors(evaluation: Evaluation, record: RunRecord) -> Iterator[ErrorRow]:
    """Yield the errors of each member, of each ensemble, and their means and spreads."""
    test = evaluation.test
    if test is None:
        return
    validation = evaluation.validation.members if evaluation.validation else {}
    for member in sorted(test.members, key=int):
        reported = " (reported)" if test.reported_member == member else ""
        of_validation = validation.get(member)
        seed = record.members[member].seed if member in record.members else None
        yield _row(f"member {member}{reported}", test.members[member], of_validation, seed)
    if test.n_members > 1:
        yield _summary("mean of members", test.mean)
        yield _summary("standard deviation", test.std)
    if ensemble := test.ensemble:
        for number in sorted(ensemble.members, key=int):
            name = f"ensemble {number}" if ensemble.n_members > 1 else "ensemble"
            yield _row(f"{name} ({ensemble.combined_by} of members)", ensemble.members[number])
        if ensemble.n_members > 1:
            yield _summary("mean of ensembles", ensemble.mean)


def _list_chosen(record: RunRecord) -> Iterator[ChosenRow]:
    """Yield what the search of each member chose, if it had one."""
    for number, member in record.members.items():
        if winner := member.winner:
            yield ChosenRow(
                member=f"member {number}",
                model=winner.model.replace("_", " "),
                settings=", ".join(f"{name} {_setting(value)}" for name, value in winner.parameters.items()),
                error=_show(winner.validation_mae),
                trials=f"{winner.trial} of {len(member.trials)}",
            )


def _setting(value: object) -> str:
    """Return the value of a hyperparameter, of numbers the digits that matter."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _row(label: str, errors: Errors, validation: Errors | None = None, seed: int | None = None) -> ErrorRow:
    return ErrorRow(
        label=label,
        test_rows=f"{errors.n:,}",
        validation=_show(validation.mae if validation else None),
        errors=tuple(_show(getattr(errors, name)) for name in ERRORS),
        seed=NO_VALUE if seed is None else str(seed),
    )


def _summary(label: str, errors: ErrorSummary) -> ErrorRow:
    return ErrorRow(label, "", "", tuple(_show(getattr(errors, name)) for name in ERRORS), "", "sum")


def _show(value: float | None) -> str:
    return NO_VALUE if value is None else format_number(value, count_decimals(value, digits=4))


def _parity(folder: Path, record: RunRecord, test: RoleErrors | None) -> Chart | None:
    """Return the predictions of the test rows of all members; None if there are none."""
    if test is None or not (folder / "predictions.parquet").is_file():
        return None
    points = read_test_points(folder)
    if points.empty:
        return None
    return draw_parity(points["y_true"].to_numpy(float), points["y_pred"].to_numpy(float), record.unit)


def _curves(folder: Path, record: RunRecord) -> Chart | None:
    """Return the error of each member during its training; None where there is no history."""
    path = folder / "history.parquet"
    if not path.is_file() or count_rows(path) == 0:
        return None
    columns = ["member", "epoch", "step", "validation_mae"]
    history = read_frame(path, columns).dropna(subset="validation_mae")
    over, title = _what_runs(history)
    curves = {
        str(member): (curve[over].to_numpy(float), curve["validation_mae"].to_numpy(float))
        for member, curve in history.groupby("member")
    }
    observed = "Test" if record.stops_on_test else "Validation"
    return draw_curves(curves, title, with_unit(f"{observed} MAE", record.unit)) if curves else None


def _what_runs(history: pd.DataFrame) -> tuple[str, str]:
    """Return the column along which a history runs, and its name: steps where an epoch has several rows."""
    if history["step"].isna().all():
        return "epoch", "trial"  # a search has a row per trial and no steps
    over = "step" if history.duplicated(["member", "epoch"]).any() else "epoch"
    return over, over


def _list_intervals(report: CoverageReport) -> list[LevelRow]:
    """Return coverage and width of each kind of interval at each of `LEVELS`."""
    of_kinds = [getattr(report, kind.value) for kind in INTERVALS]
    return [
        LevelRow(
            f"{level} %",
            tuple((f"{100 * kind.coverage[level]:.1f} %", _show(kind.width.get(level))) for kind in of_kinds),
        )
        for level in LEVELS
        if all(level in kind.coverage for kind in of_kinds)
    ]
