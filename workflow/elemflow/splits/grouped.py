"""Division of materials into training, validation and test parts, grouped by composition and fixed by a seed.

Divisions that a benchmark gives come from `elemflow.splits.predefined`.

A material's place is decided by a hash of the seed and its composition, not by a random number generator: the division
is the same on every machine and with every library version, does not depend on the order of rows, and all materials of
one composition stay together.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from elemflow.core.errors import DataError
from elemflow.core.files import write_parquet
from elemflow.splits.predefined import labels_of_column, labels_of_file, row_folds

ROLES = ("train", "validation", "test")
GIVEN = ("column", "file")  # schemes whose parts come from outside


def hash_order(compositions: Sequence[str], key: str) -> np.ndarray:
    """Return the positions of `compositions` in an order fixed by `key`; equal compositions are neighbours."""
    salt = f"{key}/".encode()
    keys = [hashlib.blake2b(salt + c.encode(), digest_size=8).digest() + c.encode() for c in compositions]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


def _cut(groups: np.ndarray, order: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Assign each row the number of its part.

    Args:
        groups: Group number of each row, shape (rows,).
        order: Row positions with each group contiguous, shape (rows,).
        shares: Share of each part; they sum to 1.

    Returns:
        Part number of each row, shape (rows,). A group belongs to the part its first row falls into.
    """
    bounds = np.rint(np.cumsum(shares)[:-1] * len(order)).astype(np.int64)
    ordered = groups[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    start_of_group = np.repeat(first, np.diff(np.r_[first, len(order)]))
    parts = np.empty(len(order), dtype=np.int64)
    parts[order] = np.searchsorted(bounds, start_of_group, side="right")
    return parts


def divide(
    compositions: Sequence[str], split: Mapping[str, Any], given: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Yield, for each member, the role of each material.

    Args:
        compositions: Canonical composition of each material.
        split: The `split` section of a protocol.
        given: What comes from outside, (materials,): the role or fold of each material (`column`, `file`) or the number
            of its fold (`k_fold_rows`).

    Yields:
        Positions in `ROLES`, shape (materials,).
    """
    for roles in _divisions(compositions, split, given):
        yield from [roles] * split.get("members_per_fold", 1)


def _divisions(compositions: Sequence[str], split: Mapping[str, Any], given: np.ndarray | None) -> Iterator[np.ndarray]:
    _, groups = np.unique(np.asarray(compositions, dtype=object), return_inverse=True)
    if given is not None and split["scheme"] != "k_fold_rows":
        yield from _given_divisions(given)
        return
    seed = split["seed"]
    if split["scheme"] == "fractions":
        # The test part comes first, so that it stays the same when only the validation share changes.
        shares = (split["test"], split["validation"], split["train"])
        members = np.arange(split["members"])
        divisions = members if split["resplit"] else np.repeat(np.arange(split.get("divisions", 1)), len(members))
        for division in divisions.tolist():
            order = hash_order(compositions, f"{seed}/{division}")
            yield 2 - _cut(groups, order, shares)
        return
    if split["scheme"] == "k_fold_validation":
        # The test part is that of `fractions` with the same seed and share.
        order = hash_order(compositions, f"{seed}/0")
        in_test = _cut(groups, order, (split["test"], 1 - split["test"])) == 0
        rest = np.flatnonzero(~in_test)
        inner = hash_order([compositions[i] for i in rest.tolist()], f"{seed}/0/folds")
        folds = np.full(len(groups), -1)
        folds[rest] = _cut(groups[rest], inner, [1 / split["folds"]] * split["folds"])
        for fold in range(split["folds"]):
            roles = np.where(folds == fold, ROLES.index("validation"), ROLES.index("train"))
            roles[in_test] = ROLES.index("test")
            yield roles
        return
    for repeat in range(split.get("repeats", 1)):
        order = hash_order(compositions, f"{seed}/{repeat}")
        folds = _cut(groups, order, [1 / split["folds"]] * split["folds"]) if given is None else given
        for fold in range(split["folds"]):
            roles = np.where(folds == fold, ROLES.index("test"), ROLES.index("train"))
            rest = np.flatnonzero(folds != fold)
            inner = hash_order([compositions[i] for i in rest.tolist()], f"{seed}/{repeat}/{fold}/validation")
            share = split["validation"]
            roles[rest[_cut(groups[rest], inner, (share, 1 - share)) == 0]] = ROLES.index("validation")
            yield roles


def _given_divisions(labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the one division that labels name, or one for each fold that is then the test part."""
    folds = sorted({label for label in labels if label not in ROLES}, key=int)
    if not folds:
        yield np.array([ROLES.index(label) for label in labels])
    for fold in folds:
        named = np.where(labels == fold, "test", np.where(np.isin(labels, ROLES), labels, "train"))
        yield np.array([ROLES.index(label) for label in named])


def needed_roles(split: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the parts that a split must fill; one from outside may lack a validation part."""
    return ("train", "test") if split.get("validation") == 0 or split["scheme"] in GIVEN else ROLES


def draw_sample(table: pa.Table, split: Mapping[str, Any]) -> pa.Table:
    """Return `max_materials` rows, or a few more since compositions are drawn whole; every member divides the same."""
    most = split.get("max_materials")
    if most is None or most >= table.num_rows:
        return table
    compositions = table["composition"].to_pylist()
    _, groups = np.unique(np.asarray(compositions, dtype=object), return_inverse=True)
    share = most / table.num_rows
    drawn = _cut(groups, hash_order(compositions, f"{split['seed']}/sample"), (share, 1 - share)) == 0
    return table.filter(pa.array(drawn))


def _labels(table: pa.Table, split: Mapping[str, Any], given: Path | None, where: str) -> np.ndarray | None:
    """Return the role or fold of each material, if it comes from outside."""
    if split["scheme"] == "column":
        return labels_of_column(table, split, where)
    if split["scheme"] == "file" and given:
        return labels_of_file(table, split, given, where)
    return row_folds(table, split, where) if split["scheme"] == "k_fold_rows" else None


def write_split(
    materials: Path, property_id: str, split: Mapping[str, Any], output: Path, *, where: str, given: Path | None = None
) -> None:
    """Divide the materials that have a value of one property and write the division.

    Args:
        materials: Curated materials.
        property_id: Property that must have a value.
        split: The `split` section of a protocol.
        output: Parquet with material_id, member and role, sorted by member and material_id.
        where: How messages call this split.
        given: The list of the scheme `file`.

    Raises:
        DataError: A part would be empty, or a division from outside does not fit the materials.
    """
    outside = {"column": split.get("column"), "file": "entry_id", "k_fold_rows": "entry_id"}.get(split["scheme"])
    columns = ["material_id", "composition", property_id, *([outside] if outside else [])]
    table = pq.read_table(materials, columns=columns)
    table = draw_sample(table.filter(table[property_id].is_valid()), split)
    labels = _labels(table, split, given, where)
    if labels is not None:
        known = labels != "none"
        table, labels = table.filter(pa.array(known)), labels[known]
    pieces = [
        member_rows(table, member, roles, split, where)
        for member, roles in enumerate(divide(table["composition"].to_pylist(), split, labels))
    ]
    write_parquet(output, pa.concat_tables(pieces), metadata={"split": dict(split), "property": property_id})


def member_rows(table: pa.Table, member: int, roles: np.ndarray, split: Mapping[str, Any], where: str) -> pa.Table:
    """Return the rows of one member in a split file.

    Args:
        table: Materials with `material_id`.
        member: Number of the member.
        roles: Positions in `ROLES` (materials,).
        split: The `split` section of a protocol.
        where: How messages call this split.

    Raises:
        DataError: A part that the split must fill is empty.
    """
    for role in needed_roles(split):
        if not (roles == ROLES.index(role)).any():
            raise DataError(
                f"{where}: the {role} part of member {member} is empty ({table.num_rows} materials have a value). "
                f"Give it a larger share in the protocol, or use a dataset with more materials."
            )
    names = pa.DictionaryArray.from_arrays(pa.array(roles, pa.int8()), pa.array(ROLES))
    members = pa.array(np.full(len(roles), member, dtype=np.int16))
    return pa.table({"material_id": table["material_id"], "member": members, "role": names})
