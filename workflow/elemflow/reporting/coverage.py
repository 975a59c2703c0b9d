"""Coverage of the papers' tables by the record, as `coverage.csv` has it."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from elemflow.core.errors import DataError
from elemflow.core.evidence import how_to_restore, show

ALL = "all"
"""Study of the line of all tables together."""


@dataclass(frozen=True)
class TableCoverage:
    """How much of a printed table is recorded.

    Attributes:
        study: Id of the paper's study; `ALL` for the sum.
        table: Printed table; empty for sums.
        printed: Number of printed errors.
        recorded: How many of them were computed at full scale.
        reproduced: Recorded cells with this verdict.
        not_reproduced: Likewise.
        undecided: Likewise.
        other_data: Recorded cells without a verdict, since the data are more or fewer than the paper's.
        other_quantity: Recorded cells without a verdict, since the printed value is of another quantity.
        no_data: Errors whose data no source has.
        hours_at_least: Processor hours that the other cells take at least.
        hours_at_most: The same at most.
        reasons: Why there are no data, separated by semicolons.
    """

    study: str
    table: str
    printed: int
    recorded: int
    reproduced: int
    not_reproduced: int
    undecided: int
    other_data: int
    other_quantity: int
    no_data: int
    hours_at_least: float
    hours_at_most: float
    reasons: str


_NUMBERS = tuple(field.name for field in fields(TableCoverage) if field.name not in ("study", "table", "reasons"))


def read_coverage(path: str | Path) -> list[TableCoverage]:
    """Read the coverage of each printed table and of all together.

    Args:
        path: The csv file.

    Raises:
        DataError: The file is damaged.
    """
    path = Path(path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        return TypeAdapter(list[TableCoverage]).validate_python(rows)
    except ValidationError:
        raise DataError(f"{show(path)} is damaged. {how_to_restore(path)}") from None


def sum_tables(study: str, lines: Sequence[TableCoverage]) -> TableCoverage:
    """Return the sum over tables; runs that two of them share count in both."""
    sums: dict[str, Any] = {name: sum(getattr(line, name) for line in lines) for name in _NUMBERS}
    return TableCoverage(study=study, table="", reasons="", **sums)


def by_study(lines: Sequence[TableCoverage]) -> dict[str, list[TableCoverage]]:
    """Return the lines of each study, in their order; those of a study follow one another."""
    return {study: list(found) for study, found in groupby(lines, key=lambda line: line.study)}
