"""Splits that a list of entries names."""

import csv
import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from elemflow.core.errors import DataError
from elemflow.splits.schemes.base import describe_members
from elemflow.splits.schemes.labels import DROPPED, LabelledScheme, read_labels

log = logging.getLogger(__name__)

SHOWN = 5  # ids in a message


class File(LabelledScheme):
    """Roles or folds from a list of entries."""

    predefined: ClassVar[bool] = True
    scheme: Literal["file"] = Field(description="Roles or folds from a list of entries.")
    path: str = Field(
        description="JSON with lists of entry ids (or mappings whose keys they are) under the names of roles or folds, "
        "or CSV with the columns entry_id and role; relative paths start at `data_folder`. Other entries are dropped."
    )

    @property
    def label_column(self) -> str:
        """The ids of the entries, which the list names."""
        return "entry_id"

    def describe(self) -> str:
        """Return the split in words, for captions."""
        return f"split of the list {self.path}" + describe_members(self.members_per_split)

    def labels(
        self, material_ids: Sequence[str], values: Sequence[str | None], listed: Path | None, where: str
    ) -> np.ndarray:
        """Return the role or fold that the list names, `none` for unlisted materials; see `SplitScheme.labels`.

        Raises:
            DataError: The list cannot be read, names a key or an entry twice, or names an entry that is no material
                with a value.
        """
        path = Path(self.path) if listed is None else listed
        place = f"{where}: {path}"
        label_of = _read_list(path, place)
        if absent := sorted(label_of.keys() - set(values)):
            raise DataError(
                f"{place}: {len(absent)} of {len(label_of)} entries are no materials with a value, such as "
                f"{', '.join(absent[:SHOWN])}. Check columns.entry_id, filters and `keep` of the dataset."
            )
        found = read_labels(list(label_of.values()), list(label_of), self.roles, place)
        known = dict(zip(label_of, found.tolist(), strict=True))
        labels = np.array([known.get(str(entry), DROPPED) for entry in values], dtype=object)
        left_out = int((labels == DROPPED).sum())
        log.info("%s: %s of %s materials with a value are in no set.", place, f"{left_out:,}", f"{len(labels):,}")
        return labels


def _read_list(path: Path, place: str) -> dict[str, str]:
    """Return the label of each listed entry."""
    try:
        listed = list(_read_json(path, place) if path.suffix == ".json" else _read_csv(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{place} cannot be read ({type(error).__name__}: {error}). Needed is JSON such as "
            '{"train": ["a", "b"], "test": ["c"]}, or CSV with the columns entry_id and role.'
        ) from None
    label_of = dict(listed)
    if len(label_of) < len(listed):
        twice = [entry for entry, times in Counter(entry for entry, _ in listed).items() if times > 1]
        raise DataError(f"{place}: listed twice: {', '.join(twice[:SHOWN])}. An entry belongs to one set or fold.")
    return label_of


def _read_json(path: Path, place: str) -> Iterator[tuple[str, str]]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        """Return an object of JSON, which would keep the last of equal keys alone."""
        for key, times in Counter(key for key, _ in pairs).items():
            if times > 1:
                raise DataError(
                    f"{place}: the key '{key}' occurs {times} times in one object, and JSON keeps the last of them "
                    "alone. Join their entries under one key."
                )
        return dict(pairs)

    listed = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    for label, entries in listed.items():
        yield from ((str(entry), label.removeprefix("fold_")) for entry in entries)


def _read_csv(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from ((line["entry_id"], line["role"]) for line in csv.DictReader(stream, restval=""))
