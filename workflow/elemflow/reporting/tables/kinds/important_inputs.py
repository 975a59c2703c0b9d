"""Tables of permutation importance: how many inputs of a model raise its error when shuffled, and where they rank."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from elemflow.config.kinds import TableKind
from elemflow.core.errors import DataError
from elemflow.plan.items import PlannedTable
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.tables.cells import Paths
from elemflow.reporting.tables.kinds import errors
from elemflow.reporting.view import NO_VALUE, TableView

KIND = TableKind(
    description="error of each run, how many of its inputs raise it when they are shuffled, and the best rank of them",
    overview="important_inputs.csv",
    overview_title="permutation importance of inputs",
    inputs=("importance.csv", "run_info.json"),
    cell_key="inputs",
)
COLUMNS = ("inputs that raise it", "best rank")
MEANING = (
    "Inputs that raise it: those of the named inputs whose permutation over the test materials increases the mean "
    "absolute error, as the mean over repetitions and members, of all named inputs. Best rank: that of the named input "
    "with the largest increase among all inputs of the model."
)


@dataclass(frozen=True, kw_only=True)
class ImportantInputsLine(errors.ErrorLine):
    """A cell of a table of errors.

    Attributes:
        inputs: Text in the names of the inputs that are counted; None for all.
        counted_inputs: Number of inputs that are counted.
        raising: How many of them increase the error when they are shuffled.
        raising_percent: The same in per cent.
        all_inputs: Number of inputs of the model.
        best_input: The one with the largest increase among those that are counted.
        best_rank: Its rank among all inputs, from 1.
        best_rank_percent: The same in per cent of their number.
    """

    inputs: str | None
    counted_inputs: int | None
    raising: int | None
    raising_percent: float | None
    all_inputs: int | None
    best_input: str | None
    best_rank: int | None
    best_rank_percent: float | None


def collect(table: PlannedTable, metrics: Paths, curation: Paths) -> Iterator[ImportantInputsLine]:
    """Yield the published and reproduced error of each cell with the count and the best rank of its inputs.

    Raises:
        DataError: A model has no input with the text of a cell in its name.
    """
    shared = [field.name for field in fields(errors.ErrorLine)]
    for cell, line in zip(table.ordered_cells, errors.collect(table, metrics, curation), strict=True):
        path = metrics.get(line.run) if line.reproduced is not None else None
        found = _measure(Path(path).parent, cell.inputs) if path else dict.fromkeys(_MEASURED)
        own = {name: getattr(line, name) for name in shared}
        yield ImportantInputsLine(**own, inputs=cell.inputs or None, **found)


_MEASURED = (
    "counted_inputs", "raising", "raising_percent", "all_inputs", "best_input", "best_rank", "best_rank_percent"
)  # fmt: skip


def _measure(folder: Path, named: str) -> dict[str, int | float | str | None]:
    """Return what the permutation importance of a run says of the inputs with a text in their names."""
    path = folder / "importance.csv"
    table = pd.read_csv(path, keep_default_na=False)
    increases = table.groupby(["part", "feature"], sort=False)["increase"].mean()
    increases = increases.sort_values(ascending=False, kind="stable")
    chosen = [named in str(feature) for _, feature in increases.index]
    if not any(chosen):
        known = ", ".join(str(feature) for _, feature in increases.index[:5])
        raise DataError(
            f"{path}: no input has '{named}' in its name, as the key 'inputs' of a cell has it. Inputs are "
            f"{known}, …; correct the key in the study."
        )
    raising = int((increases[chosen] > 0).sum())
    best = chosen.index(True)
    return {
        "counted_inputs": sum(chosen),
        "raising": raising,
        "raising_percent": 100 * raising / sum(chosen),
        "all_inputs": len(increases),
        "best_input": str(increases.index[best][1]),
        "best_rank": best + 1,
        "best_rank_percent": 100 * (best + 1) / len(increases),
    }


def view_table(table: PlannedTable, lines: Sequence[ImportantInputsLine], curation: Paths) -> TableView:
    """Arrange the errors, each followed by the count and the best rank of its inputs, and write the caption."""
    return errors.view_parts(table, lines, curation, COLUMNS, MEANING, _texts)


def _texts(line: errors.ErrorLine) -> tuple[str, ...]:
    """Return the count and the best rank in words."""
    if not isinstance(line, ImportantInputsLine) or line.counted_inputs is None:
        return (NO_VALUE,) * len(COLUMNS)
    return f"{line.raising} of {line.counted_inputs}", f"{line.best_rank} of {line.all_inputs} ({line.best_input})"


BUILDER = TableBuilder(ImportantInputsLine, collect, view_table, errors.render_text, errors.list_runs)
