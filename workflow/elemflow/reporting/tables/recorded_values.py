"""What tables of errors say of values that are shown from the record."""

from collections.abc import Sequence
from typing import Protocol

from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.items import DatasetAbout, PlannedTable, RecordedAbout

MARK = "§"
OTHER_DATA = "recorded on other data than those curated here"


class HasRecorded(Protocol):
    """A value with its dataset, and the commit that trained it if it is recorded."""

    @property
    def dataset(self) -> str:
        """Id of the dataset."""

    @property
    def run(self) -> str:
        """Path of the run."""

    @property
    def members(self) -> int:
        """Number of members; 0 without a result."""

    @property
    def recorded(self) -> str | None:
        """Commit of the record; None for a value that was computed here."""


def mark_of(line: HasRecorded) -> str:
    """Return the mark of a recorded value, nothing for one that was computed here."""
    return MARK if line.recorded else ""


def why_not_compared(recorded: RecordedAbout) -> str:
    """Return why a recorded value is not compared with the published one; empty if it is."""
    other = recorded.other_settings and f"recorded with {recorded.other_settings}"
    return "; ".join(filter(None, (OTHER_DATA if recorded.other_data else "", other)))


def find_data(
    table: PlannedTable, lines: Sequence[HasRecorded], used: Sequence[str]
) -> tuple[dict[str, DatasetAbout], list[str]]:
    """Return what to say of the datasets in use, and their ids: of recorded values what the record says of its data.

    Where values of a dataset were computed here too, the data of the recorded ones stand next to it.
    """
    described, names = dict(table.datasets), list(used)
    computed = {line.dataset for line in lines if line.members and not line.recorded}
    for run, recorded in table.recorded.items():
        data, dataset = recorded.data, Run.parse(run).dataset
        if data is None or data == described[dataset].model_copy(update={"published_size": {}}):
            continue
        if dataset in computed:
            names.append(dataset := f"{dataset}, recorded")
            data = data.model_copy(update={"title": f"{data.title}, recorded"})
        described[dataset] = data
    return described, names


def describe_recorded(table: PlannedTable, lines: Sequence[HasRecorded]) -> str:
    """Return what the mark of recorded values means, and which have fewer members; nothing if there are none."""
    recorded = [line for line in lines if line.recorded]
    if not recorded:
        return ""
    commits = ", ".join(sorted({line.recorded for line in recorded if line.recorded}))
    return (
        f"Values marked {MARK} are recorded, not computed here: {len(recorded)} of {len(lines)} cells (commit "
        f"{commits}; evidence in resources/record).{_describe_fewer(table, recorded)}"
    )


def _describe_fewer(table: PlannedTable, recorded: Sequence[HasRecorded]) -> str:
    """Return how many recorded values have fewer members than declared; nothing if none has."""
    about = (table.recorded.get(line.run) for line in recorded)
    fewer = [found.fewer_members for found in about if found and found.fewer_members]
    counts = (f"{fewer.count(each)} with {each[0]} of {each[1]}" for each in sorted(set(fewer)))
    return f" Of fewer members than declared: {', '.join(counts)}." if fewer else ""


def point_to_copies(table: PlannedTable) -> str:
    """Return where recorded values of cells without a result are to be seen; empty if there are none."""
    if not table.recorded_elsewhere:
        return ""
    return (
        f", of which {table.recorded_elsewhere} are recorded on copies of the data, shown with --configfile "
        f"{paths.COPIES}"
    )
