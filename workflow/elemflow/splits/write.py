"""Write the train/validation/test split of a dataset: the role of every material for every ensemble member.

The schemes of a split are in `elemflow.splits.schemes`.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from elemflow.core.errors import DataError
from elemflow.core.files import write_parquet
from elemflow.core.parquet import read_table
from elemflow.core.roles import ROLES
from elemflow.splits.pretraining import FineTuned, exclude_evaluated, with_reduced_compositions
from elemflow.splits.reduced_training import reduce_training_set
from elemflow.splits.schemes.base import DROPPED, Reductions, SplitScheme, cut, group_numbers, hash_order
from elemflow.splits.schemes.labels import DROPPED as DROPPED_LABEL
from elemflow.splits.schemes.pretraining import Pretraining

log = logging.getLogger(__name__)


def write_split(
    materials: Path,
    property_id: str,
    split: SplitScheme,
    output: Path,
    *,
    where: str,
    listed: Path | None = None,
    fine_tuned: FineTuned | None = None,
) -> None:
    """Write the split of the materials that have a value of one property.

    Args:
        materials: Curated materials.
        property_id: Property that must have a value.
        split: The split section of a protocol.
        output: Parquet with material_id, member and role, sorted by member and material_id. Its metadata are the
            `split`, the `property`, for pre-training how many materials were `removed` from each member, and for a
            predefined split with any `shared_compositions`, how many are in more than one set of each member.
        where: Name of the split in messages.
        listed: The list of entries of the scheme `file`.
        fine_tuned: Split and materials of the fine-tuned run, for the scheme `pretraining`.

    Raises:
        DataError: A set would be empty, a predefined split does not fit the materials, or there are too few materials
            for `train_rows` or `hold_out`.
    """
    table = _read_materials(materials, property_id, split)
    notes: dict[str, Any] = {"split": split.plain(), "property": property_id}
    pieces = []
    if isinstance(split, Pretraining):
        if fine_tuned is None:
            raise ValueError("a split for pre-training needs the fine-tuned run")
        table = with_reduced_compositions(table, materials)
        notes["removed"] = {}
        for member, rest in exclude_evaluated(table, fine_tuned):
            notes["removed"][str(member)] = table.num_rows - rest.num_rows
            pieces += [_member_rows(found, member, split, where) for found in _members(rest, property_id, split)]
    else:
        for member, found in enumerate(_members(table, property_id, split, listed, where)):
            pieces.append(_reduced_rows(found, member, split, where))
    if split.predefined or not split.grouped:
        notes |= _count_shared(table, pieces, where)
    write_parquet(output, pa.concat_tables(pieces), metadata=notes)


def draw_sample(table: pa.Table, reductions: Reductions) -> pa.Table:
    """Return `max_materials` rows, or a few more since compositions are drawn whole; all members share the sample."""
    most = reductions.max_materials
    if most is None or most >= table.num_rows:
        return table
    compositions = table["composition"].to_pylist()
    share = most / table.num_rows
    order = hash_order(compositions, f"{reductions.seed}/sample")
    return table.filter(pa.array(cut(group_numbers(compositions), order, (share, 1 - share)) == 0))


def _read_materials(materials: Path, property_id: str, split: SplitScheme) -> pa.Table:
    """Return the materials with a value, and the column that the scheme reads labels from."""
    labels = [split.label_column] if split.label_column else []
    table = read_table(materials, ["material_id", "composition", property_id, *labels])
    return table.filter(table[property_id].is_valid())


class _Member(NamedTuple):
    """Materials of an ensemble member.

    Attributes:
        table: The materials.
        roles: Position in `ROLES`, or `DROPPED`, of each (materials,).
        labels: What the scheme read about each (materials,); None if nothing.
    """

    table: pa.Table
    roles: np.ndarray
    labels: np.ndarray | None

    @property
    def compositions(self) -> list[str]:
        """Composition of each material."""
        return list(self.table["composition"].to_pylist())


def _members(
    table: pa.Table, property_id: str, split: SplitScheme, listed: Path | None = None, where: str = ""
) -> Iterator[_Member]:
    """Yield the materials and their roles for each ensemble member."""
    table, labels = draw_sample(table, split.reductions), None
    if split.label_column:
        values = table[split.label_column].to_pylist()
        labels = split.labels(table["material_id"].to_pylist(), values, listed, where)
        in_a_set = labels != DROPPED_LABEL
        table, labels = table.filter(pa.array(in_a_set)), labels[in_a_set]
    elif split.reads_target:
        labels = table[property_id].to_numpy()
    if not (table.num_rows or isinstance(split, Pretraining)):
        column = f" and a label in the column '{split.label_column}'" if split.label_column else ""
        raise DataError(
            f"{where}: no material has a value of '{property_id}'{column}, so that there is nothing to split. Check "
            "the filters of the dataset, or name another property."
        )
    for roles in split.members(table["composition"].to_pylist(), labels):
        yield _Member(table, roles, labels)


def _reduced_rows(found: _Member, member: int, split: SplitScheme, where: str) -> pa.Table:
    """Return the rows of one member in a split file, with a reduced training set if one is declared."""
    whole = _member_rows(found, member, split, where)
    reductions = split.reductions
    if reductions.hold_out is None and reductions.train_rows is None:
        return whole
    place, number = f"{where}, member {member}", member // split.members_per_split
    test_set = 0 if split.one_test_set else number
    reduced = reduce_training_set(found.compositions, found.roles, reductions, number, place, test_set)
    for role in split.needed_roles:
        if not (reduced == ROLES.index(role)).any():
            raise DataError(f"{place}: the {role} set is empty. Hold out another element, or change the shares.")
    return _rows(found.table, member, reduced)


def _member_rows(found: _Member, member: int, split: SplitScheme, where: str) -> pa.Table:
    """Return the rows of one member in a split file.

    Raises:
        DataError: A set that the split must fill is empty.
    """
    for role in split.needed_roles:
        if not (found.roles == ROLES.index(role)).any():
            number = member // split.members_per_split
            raise DataError(
                f"{where}: the {role} set of member {member} is empty ({found.table.num_rows} materials have a value). "
                f"{split.explain_empty(role, number, found.compositions, found.labels)}"
            )
    return _rows(found.table, member, found.roles)


def _count_shared(table: pa.Table, pieces: Sequence[pa.Table], where: str) -> dict[str, dict[str, int]]:
    """Return how many compositions are in more than one set of each member, and warn; empty if none is.

    Args:
        table: Materials with `material_id` and `composition`.
        pieces: Rows of each member.
        where: Name of the split in messages.
    """
    composition_of = dict(zip(table["material_id"].to_pylist(), table["composition"].to_pylist(), strict=True))
    counts: dict[str, int] = {}
    most, example, compositions = 0, "", 0
    for member, piece in enumerate(pieces):
        sets: dict[str, set[str]] = {}
        for material, role in zip(piece["material_id"].to_pylist(), piece["role"].to_pylist(), strict=True):
            sets.setdefault(composition_of[material], set()).add(role)
        shared = sorted(composition for composition, roles in sets.items() if len(roles) > 1)
        counts[str(member)] = len(shared)
        if len(shared) > most:
            most, compositions = len(shared), len(sets)
            example = (
                f"'{shared[0]}' ({', '.join(role for role in ROLES if role in sets[shared[0]])} of member {member})"
            )
    if not most:
        return {}
    log.warning(
        "%s: up to %s of %s compositions are in more than one set of a member, such as %s. Errors on compositions "
        "that training has are too small: put all materials of a composition into one set.",
        *(where, f"{most:,}", f"{compositions:,}", example),
    )
    return {"shared_compositions": counts}


def _rows(table: pa.Table, member: int, roles: np.ndarray) -> pa.Table:
    """Return the rows of one member in a split file; a material that is in no set has none."""
    in_a_set = roles != DROPPED
    table, roles = table.filter(pa.array(in_a_set)), roles[in_a_set]
    names = pa.DictionaryArray.from_arrays(pa.array(roles, pa.int8()), pa.array([role.value for role in ROLES]))
    members = pa.array(np.full(len(roles), member, dtype=np.int16))
    return pa.table({"material_id": table["material_id"], "member": members, "role": names})
