"""Divisions that come from outside: lists of entries, columns of a source, and folds over the rows of a file."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from elemflow.core.errors import DataError, nearest

LABELS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
"""Words for the parts that are understood without `roles`; `none` leaves a material out."""
SHOWN = 5  # wrong ids in a message


def labels_of_column(table: pa.Table, split: Mapping[str, Any], where: str) -> np.ndarray:
    """Return what a column of the source says of each material.

    Args:
        table: Materials that have a value, with the column.
        split: `column` and `roles` of the protocol.
        where: How messages call the split.

    Returns:
        `train`, `validation`, `test`, `none`, or the number of a fold as text (materials,).

    Raises:
        DataError: A material has a label that means nothing; names it.
    """
    found = pc.fill_null(table[split["column"]], "").to_pylist()
    place = f"{where}: column '{split['column']}'"
    return _understood(found, table["material_id"].to_pylist(), split["roles"], place)


def labels_of_file(table: pa.Table, split: Mapping[str, Any], path: Path, where: str) -> np.ndarray:
    """Return what a list says of each material; materials that are not listed are `none`.

    Args:
        table: Materials that have a value, with `entry_id`.
        split: `roles` of the protocol.
        path: JSON with ids under each part or fold, or CSV with the columns `entry_id` and `role`.
        where: How messages call the split.

    Returns:
        As `labels_of_column`.

    Raises:
        DataError: The list cannot be read, has an entry twice, or names one that is no material with a value.
    """
    place = f"{where}: {path}"
    try:
        listed = list(_read_json(path) if path.suffix == ".json" else _read_csv(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{place} cannot be read ({type(error).__name__}: {error}). Needed is JSON such as "
            '{"train": ["a", "b"], "test": ["c"]}, or CSV with the columns entry_id and role.'
        ) from None
    label_of = dict(listed)
    if len(label_of) < len(listed):
        twice = [entry for entry, times in Counter(entry for entry, _ in listed).items() if times > 1]
        raise DataError(f"{place}: listed twice: {', '.join(twice[:SHOWN])}. An entry belongs to one part or fold.")
    entries = table["entry_id"].to_pylist()
    if absent := sorted(label_of.keys() - set(entries)):
        raise DataError(
            f"{place}: {len(absent)} of {len(label_of)} entries are no materials with a value, such as "
            f"{', '.join(absent[:SHOWN])}. Check columns.entry_id, filters and `keep` of the dataset."
        )
    labels = _understood(list(label_of.values()), list(label_of), split["roles"], place)
    known = dict(zip(label_of, labels.tolist(), strict=True))
    return np.array([known.get(entry, "none") for entry in entries], dtype=object)


def row_folds(table: pa.Table, split: Mapping[str, Any], where: str) -> np.ndarray:
    """Return the fold of each material as scikit-learn's shuffled KFold gives it over the rows of the source.

    Args:
        table: Materials that have a value, with `entry_id`.
        split: `folds`, `seed` and `rows` of the protocol.
        where: How messages call the split.

    Returns:
        Numbers of the folds (materials,).

    Raises:
        DataError: The materials are not the rows of the source, one each.
    """
    rows, numbers = split["rows"], table["entry_id"].to_pylist()
    if absent := sorted(set(range(rows)) - {int(number) for number in numbers if number.isdecimal()}):
        raise DataError(
            f"{where}: {len(absent)} of {rows} rows of the source are no materials with a value, such as "
            f"{', '.join(map(str, absent[:SHOWN]))} (counted from 0). The dataset needs `keep: {{rule: all}}`, no "
            "columns.entry_id and no filters."
        )
    if len(numbers) != rows:
        raise DataError(f"{where}: the dataset has {len(numbers)} rows with a value, key 'split.rows' says {rows}.")
    # The old generator never changes; KFold cuts its permutation into nearly equal pieces, larger ones first.
    order = np.random.RandomState(split["seed"]).permutation(rows)
    folds = np.empty(rows, dtype=np.int64)
    for fold, piece in enumerate(np.array_split(order, split["folds"])):
        folds[piece] = fold
    return folds[np.array(numbers, dtype=np.int64)]


def _understood(found: list[str], names: list[str], roles: Mapping[str, str], place: str) -> np.ndarray:
    known = {**LABELS, **roles}
    for label, name in zip(found, names, strict=True):
        if label not in known and not label.isdecimal():
            raise DataError(
                f"{place}: '{name}' has the label '{label}'. Allowed: {', '.join(known)}, the number of a fold, or a "
                f"label that the key 'split.roles' explains.{nearest(label, known)}"
            )
    return np.array([known.get(label, label) for label in found], dtype=object)


def _read_json(path: Path) -> Iterator[tuple[str, str]]:
    for label, entries in json.loads(path.read_text(encoding="utf-8")).items():
        yield from ((str(entry), label.removeprefix("fold_")) for entry in entries)


def _read_csv(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from ((line["entry_id"], line["role"]) for line in csv.DictReader(stream, restval=""))
