"""Tables of tests: whether the model of the first column has lower errors than each other one of its row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elemflow.chemistry.material_id import composition_of
from elemflow.config.kinds import TableKind
from elemflow.core.errors import DataError
from elemflow.evaluation import hypothesis_tests as statistics
from elemflow.plan.items import PlannedTable
from elemflow.reporting import comparability
from elemflow.reporting import text as words
from elemflow.reporting.pages import ListedRun, list_run
from elemflow.reporting.results import count_featured, read_score, read_test_points, read_test_to_train
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths, describe_failed, find_failure, frame_view, mark_result
from elemflow.reporting.tables.formats import render_text_page
from elemflow.reporting.tables.lines import TableLine
from elemflow.reporting.tables.units import with_unit
from elemflow.reporting.view import NO_DATA, NO_VALUE, Cell, TableView
from elemflow.splits.schemes.base import SplitScheme
from elemflow.splits.schemes.fractions import Fractions
from elemflow.splits.schemes.k_fold import KFold
from elemflow.splits.schemes.k_fold_rows import KFoldRows
from elemflow.splits.schemes.registry import read_split

SEED = 2003  # of the bootstrap
SIGNIFICANT = 0.05
NOISE = 1e-12
"""Share of the larger of two errors up to which they count as equal: sums in another order differ by less than that."""
KIND = TableKind(
    description="tests of the first column against each other one",
    overview="tests.csv",
    overview_title="tests",
    inputs=("predictions.parquet", "run_info.json"),
)
CORRECTED, FIVE_BY_TWO = "corrected", "5x2"
TESTS = {CORRECTED: "corrected", FIVE_BY_TWO: "5×2"}
"""Tests by their names in the csv, and how tables call them."""


@dataclass(frozen=True, kw_only=True)
class ComparisonLine(TableLine):
    """Tests of one model against another.

    Every number is of the test materials that both runs predict.

    Attributes:
        study: Id of the study.
        table: Id of the table.
        row: Label of the row.
        model: Label of the first column.
        against: Label of the other column.
        dataset: Id of the dataset.
        property: Id of the property.
        protocol: Id of the protocol.
        unit: Unit of the errors.
        members: Number of members; 0 without a result.
        test_materials: Test materials that either run predicts.
        shared_materials: Test materials that both runs predict.
        test_to_train: Test rows per training and validation row.
        difference: Difference of the mean absolute errors; negative: the first model is better.
        interval_low: Lower end of its bootstrap interval.
        interval_high: Upper end.
        effect_size: Mean difference over the test sets divided by its standard deviation.
        t_corrected: Statistic of the corrected resampled t-test.
        df_corrected: Its degrees of freedom.
        p_corrected: Its one-tailed p value.
        p_holm_corrected: The same, adjusted for all tests of the table.
        t_5x2: Statistic of the 5x2cv t-test.
        df_5x2: Its degrees of freedom.
        p_5x2: Its one-tailed p value.
        p_holm_5x2: The same, adjusted for all tests of the table.
        materials: See `comparability.RunScale`.
        published_materials: See `comparability.RunScale`.
        max_epochs: See `comparability.RunScale`.
        scale: See `comparability.RunScale`.
        reduced_by: See `comparability.RunScale`.
        missing: Why there are no data.
        note: What is said of a failed run.
        log: Log of a failed run.
        run: Path of the run.
        against_run: Path of the other run.
    """

    study: str
    table: str
    row: str
    model: str
    against: str
    dataset: str
    property: str
    protocol: str
    unit: str
    members: int = 0
    test_materials: int | None = None
    shared_materials: int | None = None
    test_to_train: float | None = None
    difference: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    effect_size: float | None = None
    t_corrected: float | None = None
    df_corrected: float | None = None
    p_corrected: float | None = None
    p_holm_corrected: float | None = None
    t_5x2: float | None = None
    df_5x2: float | None = None
    p_5x2: float | None = None
    p_holm_5x2: float | None = None
    materials: int | None
    published_materials: int | None
    max_epochs: int | None
    scale: str | None
    reduced_by: str | None
    missing: str | None
    note: str | None
    log: str | None
    run: str
    against_run: str

    def number(self, name: str, test: str) -> float | None:
        """Return `t`, `df`, `p` or `p_holm` of a test."""
        found: float | None = getattr(self, f"{name}_{test}")
        return found


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> list[ComparisonLine]:
    """Test the first cell of each row against each other one.

    Returns:
        One line per test; what cannot be computed is None.

    Raises:
        DataError: Two runs do not have the same members, or have no test material of a member in common.
    """
    cells = {(cell.row, cell.column): cell for cell in table.cells}
    splits = {name: read_split(split) for name, split in table.splits.items()}
    lines = []
    for i, row in enumerate(table.rows):
        model = cells[i, 0]
        for j, column in enumerate(table.columns[1:], start=1):
            other = cells[i, j]
            size = comparability.describe_cell(table.scales, model, curation, metrics.get(model.run))
            note, log = find_failure(table, model.run, other.run)
            line = ComparisonLine(
                study=table.study,
                table=table.table,
                row=row.label,
                model=table.columns[0].label,
                against=column.label,
                dataset=model.dataset,
                property=model.property,
                protocol=model.protocol,
                unit=model.unit,
                materials=size.materials,
                published_materials=size.published_materials,
                max_epochs=size.max_epochs,
                scale=size.scale,
                reduced_by=size.reduced_by,
                missing=model.missing or other.missing or None,
                note=note,
                log=log,
                run=model.run,
                against_run=other.run,
            )
            lines.append(_test(line, metrics, splits.get(model.protocol)))
    for test in TESTS:
        lines = _adjusted(lines, test, splits)
    return lines


def _adjusted(lines: Sequence[ComparisonLine], test: str, splits: dict[str, SplitScheme]) -> list[ComparisonLine]:
    """Return the lines with the p values of a test adjusted for all tests of the table."""
    # A test without a result stays in the family, as the least significant: a failed run must not help the others.
    family = [not line.missing and test in _possible_tests(splits[line.protocol]) for line in lines]
    values = [line.number("p", test) for line, member in zip(lines, family, strict=True) if member]
    remaining = iter(statistics.holm([1.0 if p is None else p for p in values]))
    adjusted = [next(remaining) if member else None for member in family]
    numbers: list[dict[str, Any]] = [{} if p is None else {f"p_holm_{test}": p} for p in adjusted]
    known = [line.number("p", test) is not None for line in lines]
    return [replace(line, **number) if has else line for line, number, has in zip(lines, numbers, known, strict=True)]


def _possible_tests(split: SplitScheme) -> tuple[str, ...]:
    """Return the tests that a split allows: its members, or groups of members, must have test sets of their own."""
    if isinstance(split, KFold) and (split.repeats, split.folds) == statistics.FIVE_BY_TWO:
        return (CORRECTED, FIVE_BY_TWO)
    return (CORRECTED,) if _count_test_sets(split) > 1 else ()


def _count_test_sets(split: SplitScheme) -> int:
    """Return the number of different test sets of a split; each is that of equally many successive members."""
    return split.n_splits if isinstance(split, Fractions | KFold | KFoldRows) else 1


def _test(line: ComparisonLine, metrics: Paths, split: SplitScheme | None) -> ComparisonLine:
    """Return a line with the numbers of its tests, where both runs have a result."""
    model, other = metrics.get(line.run), metrics.get(line.against_run)
    ours, theirs = read_score(model, "mae"), read_score(other, "mae")
    if model is None or other is None or ours is None or theirs is None:
        return line
    if ours.members != theirs.members:
        raise DataError(
            f"{model} has {ours.members} members and {other} {theirs.members}, though they share a protocol; build "
            "both runs again."
        )
    points = _read_errors(Path(model).parent, Path(other).parent)
    shared = points.dropna()
    if lacking := sorted(set(points["member"]) - set(shared["member"])):
        raise DataError(
            f"{model} and {other} have no test material of member {lacking[0]} in common, so nothing compares them "
            "there; check the features that their representations reject, and build both runs again."
        )
    differences = _member_differences(shared)
    low, high = statistics.clustered_bootstrap_interval(*_composition_differences(shared), seed=SEED)
    found = replace(
        line,
        members=len(differences),
        test_materials=points["material_id"].nunique(),
        shared_materials=shared["material_id"].nunique(),
        difference=sum(differences) / len(differences),
        interval_low=low,
        interval_high=high,
    )
    possible = _possible_tests(split) if split else ()
    if split is None or len(differences) == 1 or not possible:
        return found  # members that share a test set say nothing about other materials
    # The members of a split, if several, follow each other.
    means = [float(part.mean()) for part in np.array_split(differences, _count_test_sets(split))]
    ratio = read_test_to_train(Path(model).parent)
    tests = {CORRECTED: statistics.corrected_resampled_t_test(means, ratio)}
    if FIVE_BY_TWO in possible:
        repeats, folds = statistics.FIVE_BY_TWO
        tests[FIVE_BY_TWO] = statistics.five_by_two_cv_t_test(
            [means[folds * i : folds * (i + 1)] for i in range(repeats)]
        )
    numbers: dict[str, Any] = {
        f"{name}_{test}": value
        for test, result in tests.items()
        for name, value in (("t", result.t), ("df", result.df), ("p", result.p))
    }
    return replace(found, test_to_train=ratio, effect_size=statistics.cohens_d(means), **numbers)


def _read_errors(model: Path, other: Path) -> pd.DataFrame:
    """Return the absolute error of each run, `ours` and `theirs`, for each `member` and `material_id` of either."""
    keys = ["member", "material_id"]
    ours, theirs = (
        rows[keys].assign(**{name: (rows["y_pred"] - rows["y_true"]).abs()})
        for name, rows in (("ours", read_test_points(model)), ("theirs", read_test_points(other)))
    )
    return ours.merge(theirs, on=keys, how="outer", validate="one_to_one").sort_values(keys, ignore_index=True)


def _subtract(ours: statistics.Array, theirs: statistics.Array) -> statistics.Array:
    """Return the differences of errors, 0 where only rounding sets them apart."""
    differences = ours - theirs
    return np.where(np.abs(differences) <= NOISE * np.maximum(ours, theirs), 0.0, differences)


def _member_differences(shared: pd.DataFrame) -> list[float]:
    """Return the difference of the mean absolute errors of each member over rows that both runs predict."""
    names = ("ours", "theirs")
    means = [[np.mean(rows[name].to_numpy()) for name in names] for _, rows in shared.groupby("member", sort=True)]
    return [float(value) for value in _subtract(*np.array(means).T)]


def _composition_differences(shared: pd.DataFrame) -> tuple[statistics.Array, statistics.Array]:
    """Return the sum of the differences of the rows of each composition over the members, and their count."""
    differences = pd.Series(_subtract(shared["ours"].to_numpy(), shared["theirs"].to_numpy()))
    of_composition = differences.groupby(shared["material_id"].map(composition_of).to_numpy(), sort=True)
    return np.asarray(of_composition.sum(), dtype=np.float64), np.asarray(of_composition.size(), dtype=np.float64)


def view_table(table: PlannedTable, lines: Sequence[ComparisonLine], curation: Paths) -> TableView:
    """Arrange the tests, one per line, and write the caption."""
    shown = [test for test in TESTS if any(line.number("p", test) is not None for line in lines)]
    columns = ["difference", "95 % interval", "effect size"]
    columns += [text for test in shown for text in (f"t {TESTS[test]}", f"p {TESTS[test]}", f"p {TESTS[test]}, Holm")]
    rows = [
        (f"{with_unit(line.row, line.unit)}: {line.model} against {line.against}", tuple(_view(line, shown)))
        for line in lines
    ]
    return frame_view(table, rows, _write_caption(table, lines, shown, curation), columns=columns)


def _view(line: ComparisonLine, shown: Sequence[str]) -> Iterator[Cell]:
    """Yield the cells of a line; its mark and its log are with the first."""
    mark = comparability.mark_of(line.scale) if line.members else ""
    for number, (text, bold) in enumerate(_show(line, shown)):
        yield Cell(
            published="",
            reproduced=text,
            spread="",
            difference="",
            members=line.members,
            best=bold,
            run=line.run,
            mark="" if number else mark,
            log="" if number else line.log or "",
        )


def _show(line: ComparisonLine, shown: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the text of each column and whether it is bold."""
    if line.difference is None or line.interval_low is None or line.interval_high is None:
        yield mark_result(line), False
        yield from [(NO_VALUE, False)] * (2 + 3 * len(shown))
        return
    decimals = words.count_decimals(line.difference, digits=2)
    low, high = (words.format_number(end, decimals) for end in (line.interval_low, line.interval_high))
    yield words.format_number(line.difference, decimals), False
    yield f"{low} … {high}", False
    yield _number(line.effect_size, 2), False
    for test in shown:
        adjusted = line.number("p_holm", test)
        yield _number(line.number("t", test), 2), False
        yield _p_value(line.number("p", test)), False
        yield _p_value(adjusted), adjusted is not None and adjusted < SIGNIFICANT


def _number(value: float | None, decimals: int) -> str:
    return NO_VALUE if value is None else words.format_number(value, decimals).replace("inf", "∞")


def _p_value(p: float | None) -> str:
    smallest, few_digits = 1e-4, 0.1
    if p is None:
        return NO_VALUE
    return f"< {smallest:.4f}" if p < smallest else f"{p:.2g}" if p < few_digits else f"{p:.2f}"


def _write_caption(
    table: PlannedTable, lines: Sequence[ComparisonLine], shown: Sequence[str], curation: Paths
) -> Iterator[str]:
    yield (
        "Difference of the mean absolute errors, in the unit of the row; negative: the first model is better. "
        "Interval: percentile bootstrap, clustered by composition "
        f"({statistics.RESAMPLES:,} resamples). Effect size: mean difference over the test sets divided by its "
        "standard deviation."
    )
    yield _describe_shared(lines)
    if CORRECTED in shown:
        ratios = [line.test_to_train for line in lines if line.test_to_train is not None]
        ends = dict.fromkeys(f"{value:.3g}" for value in (min(ratios), max(ratios)))
        yield (
            "Corrected resampled t-test: t = mean(d) / sqrt((1/J + r) var(d)) over the J test sets, with J − 1 degrees "
            f"of freedom (Nadeau and Bengio 2003); r, test rows per training and validation row, is {'–'.join(ends)}."
        )
    if FIVE_BY_TWO in shown:
        yield "5×2: first difference over sqrt(mean of s²) of five repetitions, 5 degrees of freedom (Dietterich 1998)."
    if shown:
        yield (
            "One-tailed: the null hypothesis is that the first model is no better. Holm: adjusted for all tests of the "
            f"table, also those without a result; bold below {SIGNIFICANT}."
        )
    planned = [line for line in lines if line.missing is None]
    yield words.describe_data(table.datasets, [*(line.dataset for line in planned), *table.datasets], curation)
    yield words.describe_protocols(table.protocols, (line.protocol for line in planned))
    yield comparability.describe_scale([line for line in planned if line.members], tests=True)
    yield words.describe_missing(table.cells, NO_DATA)
    yield describe_failed(planned)
    yield table.note


def _describe_shared(lines: Iterable[ComparisonLine]) -> str:
    """Return a sentence on the tests whose runs predict different materials; empty if there are none."""
    parts = [
        f"{line.row}, {line.model} against {line.against}: over the {line.shared_materials:,} of "
        f"{line.test_materials:,} test materials that both runs predict"
        for line in lines
        if line.shared_materials is not None
        and line.test_materials is not None
        and line.shared_materials < line.test_materials
    ]
    return f"Materials without features in one representation are dropped. {'; '.join(parts)}." if parts else ""


def render_text(view: TableView) -> str:
    """Render the tests as reStructuredText that is aligned plain text."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for label, cells in view.rows:
        row, pair = label.rsplit(": ", 1)
        shown = [(cell.reproduced_with_spread, cell.best) if cell else ("", False) for cell in cells]
        texts = (f"**{text}**" if best else text for text, best in shown)
        groups.setdefault(words.escape_rst(row), []).append((words.escape_rst(pair), *texts))
    return render_text_page(view, ("test", *view.columns), groups.items())


def list_runs(lines: Sequence[ComparisonLine], table: PlannedTable, metrics: Paths, curation: Paths) -> list[ListedRun]:
    """Return the runs behind the tests."""
    del lines
    listed = []
    for cell in table.cells:
        path = metrics.get(cell.run)
        score = read_score(path, "mae")
        scale = comparability.describe_cell(table.scales, cell, curation, path)
        listed.append(
            list_run(
                table.rows[cell.row].label,
                table.columns[cell.column].label,
                members=score.members if score else 0,
                scale=scale,
                max_epochs=scale.max_epochs,
                test_rows=score.test_rows if score else (None, None),
                run=cell.run,
                featured=count_featured(path),
            )
        )
    return listed


BUILDER = TableBuilder(ComparisonLine, collect, view_table, render_text, list_runs)
