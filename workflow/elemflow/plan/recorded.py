"""Runs of the record that stand in for runs which were not computed here."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from elemflow.config.load import Settings
from elemflow.core.content import read_record
from elemflow.core.errors import DataError
from elemflow.core.evidence import (
    ABOUT,
    check_complete,
    find_folders,
    how_to_restore,
    materials_of,
    read_evidence,
    read_run_info,
    show,
)
from elemflow.core.files import read_json
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.items import DatasetAbout
from elemflow.plan.trained_settings import (
    count_fewer_members,
    declared_settings,
    find_other_settings,
    list_unknown,
)

CELLS = "cells.csv"
"""The errors that the record answers, a line each."""
COVERAGE = "coverage.csv"
"""The printed tables of the papers, a line each."""
MOST_NAMED = 3
"""Settings that are named where a run was trained with others."""


@dataclass(frozen=True)
class RecordedRun:
    """A recorded run.

    Attributes:
        folder: Its folder.
        commit: Start of the commit that trained it.
        finished: Date.
        data: SHA-256 of its materials.
    """

    folder: Path
    commit: str
    finished: str
    data: str

    @property
    def run(self) -> Run:
        """The run."""
        return Run.of_folder(self.folder)

    @property
    def metrics(self) -> str:
        """Path of its metrics."""
        return (self.folder / "metrics.json").as_posix()

    @property
    def predictions(self) -> str:
        """Path of its predictions."""
        return (self.folder / "predictions.parquet").as_posix()

    @property
    def curation(self) -> str:
        """Path of the counts of its dataset."""
        return (self.folder / "curation.json").as_posix()

    def find_other_settings(self, settings: Settings) -> str:
        """Return with which settings it was trained other than those of a configuration; empty if they are the same.

        Args:
            settings: The configuration, in which its run stands.
        """
        cfg = read_run_info(self.folder, "cfg")["cfg"]
        try:
            others = find_other_settings(cfg, declared_settings(settings, self.run), known_only=True)
        except ValidationError as error:
            return f"settings of another version: {list_unknown(error)}"
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        return "; ".join(others[:MOST_NAMED]) + more

    def count_fewer_members(self, settings: Settings) -> tuple[int, int] | None:
        """Return how many members it has, or has per fold, and how many a configuration declares; None unless fewer.

        Args:
            settings: The configuration, in which its run stands.
        """
        return count_fewer_members(read_run_info(self.folder, "cfg")["cfg"], declared_settings(settings, self.run))

    @property
    def about(self) -> DatasetAbout | None:
        """What it was trained on; None where the record does not have it.

        Raises:
            DataError: The description is damaged.
        """
        path = self.folder / ABOUT
        if not path.is_file():
            return None
        try:
            return DatasetAbout.model_validate(read_evidence(path))
        except ValidationError:
            raise DataError(f"{show(path)} is damaged. {how_to_restore(path)}") from None

    def is_of_other_data(self, dataset: str) -> bool:
        """Return whether the dataset is curated here to other materials than the run was trained on.

        The same materials may be stored in other bytes, by another version of the writer. They count as the same if all
        counts of the curation and the mean, minimum and maximum of each property are, to the last digit.
        """
        here = read_record(paths.MATERIALS_RECORD.format(dataset=dataset))
        if here is None or here.outputs.get("materials.parquet") == self.data:
            return False
        curated = Path(paths.CURATION.format(dataset=dataset))
        return not curated.is_file() or read_json(curated) != read_json(self.curation)


@cache
def read_recorded(folder: Path) -> dict[str, RecordedRun]:
    """Return the recorded runs by their path.

    Args:
        folder: Folder of the record.

    Raises:
        DataError: A run has lost some of its evidence, or it is damaged.
    """
    found = {}
    for run, place in find_folders(folder).items():
        check_complete(place)
        info = read_run_info(place)
        found[run] = RecordedRun(place, (info.get("commit") or "")[:12], info["finished"][:10], materials_of(info))
    return found


@cache
def read_recorded_lines(folder: Path) -> dict[int, str]:
    """Return the runs that answer printed errors, by the lines of these errors in `published_mae.csv`.

    Args:
        folder: Folder of the record; without a list of cells it answers none.
    """
    path = folder / CELLS
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {int(row["published_line"]): row["run"] for row in csv.DictReader(stream)}


@cache
def read_covered(folder: Path) -> frozenset[str]:
    """Return the studies whose printed tables the record counts.

    Args:
        folder: Folder of the record; without a list of these tables it counts none.
    """
    path = folder / COVERAGE
    if not path.is_file():
        return frozenset()
    with path.open(encoding="utf-8", newline="") as stream:
        return frozenset(row.get("study") or "" for row in csv.DictReader(stream))
