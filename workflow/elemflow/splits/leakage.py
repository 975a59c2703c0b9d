"""Reduced compositions of validation and test sets, to prevent data leakage.

Compositions are compared in reduced form, so that no spelling of a formula hides a match.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from elemflow.chemistry.composition import canonical_forms
from elemflow.core.errors import DataError
from elemflow.core.parquet import read_frame


def reduced(compositions: Iterable[str], where: Path | str) -> list[str]:
    """Return the canonical reduced form of each formula, in whatever order and multiple it is written.

    Args:
        compositions: Formulas such as `Fe4O6` or `O3Fe2`.
        where: Their file, for the message.

    Raises:
        DataError: One is no formula.
    """
    formulas = list(compositions)
    forms, reasons = canonical_forms(formulas)
    for formula, reason in reasons.items():
        raise DataError(
            f"{where}: column 'composition': '{formula}' is no composition, {reason}. Remove the file and start the "
            "workflow again."
        )
    return [forms[formula] for formula in formulas]


def compositions_of(split: Path, materials: Path, roles: Iterable[str] | None = None) -> dict[int, set[str]]:
    """Return the reduced compositions of each member of a split in some roles.

    Args:
        split: Parquet with `material_id`, `member` and `role`.
        materials: `materials.parquet` of its dataset.
        roles: The roles; all if None.

    Returns:
        Compositions by number of the member, in order; a member without rows in these roles has none.

    Raises:
        DataError: A material of the split is unknown.
    """
    rows = read_frame(split, ["material_id", "member", "role"])
    known = read_frame(materials, ["material_id", "composition"]).set_index("material_id")["composition"]
    if absent := sorted(set(rows["material_id"]) - set(known.index)):
        raise DataError(
            f"{split}: {len(absent)} materials are not in {materials}, such as '{absent[0]}'. Remove the split and "
            "start the workflow again."
        )
    composition = pd.Series(reduced(known, materials), index=known.index)
    wanted = rows if roles is None else rows[rows["role"].isin(list(roles))]
    members = sorted(int(member) for member in rows["member"].unique())
    return {member: set(composition.loc[wanted.loc[wanted["member"] == member, "material_id"]]) for member in members}
