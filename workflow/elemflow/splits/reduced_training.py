"""Divisions with less in the training part: a number of rows, or few materials with one element.

Both start from the whole division of `elemflow.splits.grouped`, so that what they leave in a part is there in the
whole one. They have a module and a rule of their own because a change in `elemflow.splits.grouped` divides, and
trains, everything anew.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from elemflow.chemistry.composition import amounts
from elemflow.chemistry.material_id import composition_of
from elemflow.core.errors import DataError
from elemflow.core.files import write_parquet
from elemflow.splits.grouped import ROLES, divide, hash_order, needed_roles, write_split

SUBSET_KEYS = ("hold_out", "train_rows")
"""Keys of `split` that ask for a subset, in the order in which they are applied."""
LEFT_OUT = -1  # in place of a position in ROLES
TRAIN, TEST = ROLES.index("train"), ROLES.index("test")


def keep_train_rows(compositions: list[str], roles: np.ndarray, rows: int, key: str, where: str) -> np.ndarray:
    """Leave out all but some training materials; fewer rows are a subset of more.

    Args:
        compositions: Composition of each material.
        roles: Position in `ROLES`, or `LEFT_OUT`, of each material (materials,).
        rows: Training materials to keep.
        key: What the draw depends on besides the compositions.
        where: How messages call the member.

    Returns:
        The roles with the other training materials left out (materials,).

    Raises:
        DataError: There are not so many training materials.
    """
    order = hash_order(compositions, key)
    training = order[roles[order] == TRAIN]
    if len(training) < rows:
        raise DataError(
            f"{where}: the key 'split.train_rows' asks for {rows:,} training materials, and there are "
            f"{len(training):,}. Ask for fewer, or leave the key out for all."
        )
    kept = roles.copy()
    kept[training[rows:]] = LEFT_OUT
    return kept


def hold_out(
    compositions: list[str], roles: np.ndarray, declared: Mapping[str, Any], key: str, where: str
) -> np.ndarray:
    """Take the materials with one element out of all parts and give a share of them back to the training part.

    A fixed share of them is tested, whatever is given back, so that errors at different shares are comparable; what is
    given back at a share is given back at every larger one. The rest is left out. Materials without the element keep
    their parts.

    Huang and Ling, J. Appl. Phys. 128, 124901 (2020), section III C and figure 4, who test all that is not given back.

    Args:
        compositions: Composition of each material.
        roles: Position in `ROLES` of each material (materials,).
        declared: `element`, and the shares `test` and `returned` of its materials.
        key: What the draw depends on besides the compositions.
        where: How messages call the member.

    Returns:
        The new roles (materials,), `LEFT_OUT` among them.

    Raises:
        DataError: No material has the element, or none of those that have it is left to test.
    """
    element, test, returned = declared["element"], declared["test"], declared["returned"]
    rows = np.flatnonzero([element in amounts(composition) for composition in compositions])
    if not len(rows):
        raise DataError(
            f"{where}: the key 'split.hold_out.element' names {element}, and none of the {len(compositions):,} "
            "materials with a value has it. Name another element, or another dataset."
        )
    # The validation part of this division is what is given back, its training part what is left out.
    shares = {"scheme": "fractions", "test": test, "validation": returned, "train": 1 - test - returned}
    shares |= {"seed": key, "members": 1, "resplit": False}
    held = next(divide([compositions[i] for i in rows.tolist()], shares))
    if not (held == TEST).any():
        raise DataError(
            f"{where}: of the {len(rows)} materials with {element} the share {test:g} leaves none for the test part. "
            "Raise 'split.hold_out.test', or use a dataset with more materials."
        )
    changed = roles.copy()
    changed[rows] = np.select([held == TEST, held == ROLES.index("validation")], [TEST, TRAIN], LEFT_OUT)
    return changed


def write_subset_split(
    materials: Path,
    property_id: str,
    split: Mapping[str, Any],
    output: Path,
    *,
    members_per_division: int,
    where: str,
) -> None:
    """Divide the materials that have a value of one property, and leave out what the subset keys say.

    Args:
        materials: Curated materials.
        property_id: Property that must have a value.
        split: The `split` section of a protocol, with `hold_out` or `train_rows`.
        output: As `elemflow.splits.grouped.write_split` writes it, without the materials that are left out.
        members_per_division: Members in a row that share a division; they share the draw too.
        where: How messages call this split.

    Raises:
        DataError: See `keep_train_rows`, `hold_out` and `elemflow.splits.grouped.write_split`, or a part is empty.
    """
    whole = {key: value for key, value in split.items() if key not in SUBSET_KEYS}
    with tempfile.TemporaryDirectory() as folder:
        write_split(materials, property_id, whole, Path(folder) / "whole.parquet", where=where)
        table = pq.read_table(Path(folder) / "whole.parquet")
    members = table["member"].to_numpy()
    pieces = []
    for member in np.unique(members).tolist():
        rows = table.filter(pa.array(members == member))
        roles = pc.index_in(rows["role"].cast(pa.string()), value_set=pa.array(ROLES)).to_numpy()
        compositions = [composition_of(name) for name in rows["material_id"].to_pylist()]
        place, key = f"{where}, member {member}", f"{split['seed']}/{member // members_per_division}"
        if "hold_out" in split:
            roles = hold_out(compositions, roles, split["hold_out"], f"{key}/hold_out", place)
        if "train_rows" in split:
            roles = keep_train_rows(compositions, roles, split["train_rows"], f"{key}/train_rows", place)
        for role in needed_roles(split):
            if not (roles == ROLES.index(role)).any():
                raise DataError(f"{place}: the {role} part is empty. Hold out another element, or change the shares.")
        kept = roles != LEFT_OUT
        names = pa.DictionaryArray.from_arrays(pa.array(roles[kept], pa.int8()), pa.array(ROLES))
        kept_rows = rows.filter(pa.array(kept))
        pieces.append(pa.table({"material_id": kept_rows["material_id"], "member": kept_rows["member"], "role": names}))
    write_parquet(output, pa.concat_tables(pieces), metadata={"split": dict(split), "property": property_id})
