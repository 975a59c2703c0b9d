"""Coverage: how much of the papers' tables was computed at full scale, and what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from elemflow.evaluation.equivalence import NOT_REPRODUCED, REPRODUCED, UNDECIDED
from elemflow.plan import paths
from elemflow.plan.forecast import cost_of, describe, read_rates
from elemflow.plan.published import PublishedValue, read_published
from elemflow.record.cells import OTHER_QUANTITY, PAPERS, Planned, RecordedCell
from elemflow.reporting.coverage import ALL, TableCoverage, by_study, sum_tables


@dataclass(frozen=True)
class _Cells:
    """What is known of the printed errors, by their line.

    Attributes:
        runs: Hours at least and at most of each run that would compute it, by path; empty without data.
        missing: Why there are no data.
    """

    runs: Mapping[int, tuple[str, float, float]]
    missing: Mapping[int, str]


def summarise(root: Path, planned: Sequence[Planned], recorded: Sequence[RecordedCell]) -> list[TableCoverage]:
    """Return the coverage of each printed table, and of all together."""
    done = {cell.published_line: cell for cell in recorded}
    known = _look_up(root, planned)
    printed = _printed(root)
    lines = [_count(study, table, values, done, known) for (study, table), values in printed.items()]
    everything = [value for values in printed.values() for value in values]
    return [*lines, _count(ALL, "", everything, done, known)]


def _printed(root: Path) -> dict[tuple[str, str], list[PublishedValue]]:
    """Return the errors in the tables of the papers; numbers in their texts are not counted."""
    tables: dict[tuple[str, str], list[PublishedValue]] = {}
    for (study, table, *_), values in read_published(root / paths.PUBLISHED_MAE).items():
        if study in PAPERS and table.startswith("T"):
            tables.setdefault((study, table), []).extend(value for value in values if value.metric == "mae")
    order = {study: number for number, study in enumerate(PAPERS)}
    return dict(sorted(tables.items(), key=lambda item: order[item[0][0]]))


def _look_up(root: Path, planned: Sequence[Planned]) -> _Cells:
    rates = read_rates(root / paths.RATES)
    runs: dict[int, tuple[str, float, float]] = {}
    missing: dict[int, str] = {}
    for each in planned:
        costed = describe(each.settings, each.plan, root / "no results")
        hours = {run.run: cost_of(run, rates).hours for run in costed}
        for table in each.tables:
            for cell in table.ordered_cells:
                if cell.published_line is None:
                    continue
                if cell.missing:
                    missing.setdefault(cell.published_line, cell.missing)
                elif cell.run in hours:
                    runs.setdefault(cell.published_line, (cell.run, *hours[cell.run]))
    return _Cells(runs, {line: reason for line, reason in missing.items() if line not in runs})


def _count(
    study: str, table: str, values: Sequence[PublishedValue], done: Mapping[int, RecordedCell], known: _Cells
) -> TableCoverage:
    verdicts = [done[value.line].verdict for value in values if value.line in done]
    left = [value.line for value in values if value.line not in done]
    costs = {known.runs[line][0]: known.runs[line][1:] for line in left if line in known.runs}
    counts = {word: verdicts.count(word) for word in (REPRODUCED, NOT_REPRODUCED, UNDECIDED, OTHER_QUANTITY)}
    missing = [known.missing[line] for line in left if line in known.missing]
    return TableCoverage(
        study=study,
        table=table,
        printed=len(values),
        recorded=len(verdicts),
        reproduced=counts[REPRODUCED],
        not_reproduced=counts[NOT_REPRODUCED],
        undecided=counts[UNDECIDED],
        other_data=len(verdicts) - sum(counts.values()),
        other_quantity=counts[OTHER_QUANTITY],
        no_data=len(missing),
        hours_at_least=sum(low for low, _ in costs.values()),
        hours_at_most=sum(high for _, high in costs.values()),
        reasons="; ".join(dict.fromkeys(missing)),
    )


def to_frame(lines: Sequence[TableCoverage]) -> pd.DataFrame:
    """Return one row per printed table."""
    return pd.DataFrame([asdict(line) for line in lines], columns=[field.name for field in fields(TableCoverage)])


def to_markdown(lines: Sequence[TableCoverage], *, by_table: bool) -> str:
    """Return the coverage as a Markdown table, per printed table or per paper."""
    rows = lines if by_table else [sum_tables(study, found) for study, found in by_study(lines).items()]
    head = ["paper", *(["table"] if by_table else []), "printed errors", "computed", "reproduced", "not reproduced"]
    head += ["undecided", "other data", "other quantity", "no data", "CPU hours for the rest"]
    text = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for line in rows:
        numbers = [line.printed, line.recorded, line.reproduced, line.not_reproduced, line.undecided]
        numbers += [line.other_data, line.other_quantity, line.no_data]
        name = [line.study, *([line.table] if by_table else [])]
        hours = f"{line.hours_at_least:,.0f} to {line.hours_at_most:,.0f}"
        text.append(f"| {' | '.join([*name, *map(str, numbers), hours])} |")
    return "\n".join(text) + "\n"


def describe_missing(lines: Sequence[TableCoverage]) -> str:
    """Return in a line why printed errors have no data; nothing if all have."""
    of_tables = [line for line in lines if line.no_data and line.table]
    reasons = "; ".join(f"{line.study} {line.table} ({line.no_data}): {line.reasons}" for line in of_tables)
    return f"No data: {reasons}.\n" if reasons else ""
