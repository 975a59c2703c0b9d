"""Features of formulas and crystal structures as a user has them in Python."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from elemflow.chemistry.composition import canonical
from elemflow.chemistry.crystal import Crystal, formula_of
from elemflow.chemistry.structure_text import read_structure
from elemflow.chemistry.suggestions import did_you_mean
from elemflow.config.kinds import parts_of
from elemflow.features.store import Descriptors, load_descriptors

ONE_COLUMN = 2
"""Dimensions of an array or frame with one column."""


class MaterialFeatures(NamedTuple):
    """Features of some materials.

    Attributes:
        x: Float32 array (rows, columns); rows that have a reason are NaN.
        reasons: Why a row has no features, or None (rows,).
        formulas: Formula of each row, as given or of its structure; empty where it has none (rows,).
        compositions: Canonical form of it, or None (rows,).
    """

    x: np.ndarray
    reasons: list[str | None]
    formulas: list[str]
    compositions: list[str | None]


def as_list(materials: Any) -> list[Any]:
    """Return materials as a list.

    Args:
        materials: A list, Series or array of them, or an array or frame with one column.

    Raises:
        ValueError: It is one formula, or has several columns.
    """
    if isinstance(materials, str | Mapping | Crystal) or not isinstance(materials, Iterable):
        raise ValueError(f"a list of materials is needed, not {materials!r}; write [{materials!r}]")  # noqa: TRY004
    shape: tuple[int, ...] = getattr(materials, "shape", ())
    if len(shape) == ONE_COLUMN:
        if shape[1] != 1:
            raise ValueError(f"one column of formulas or structures is needed, not {shape[1]}")
        return np.asarray(materials, dtype=object)[:, 0].tolist()
    return list(materials)


def featurize_materials(representation: str, materials: Sequence[Any]) -> MaterialFeatures:
    """Compute the features of materials.

    Args:
        representation: Parts, such as `ef` or `st+pa+ef`.
        materials: Formulas; or structures, as CIF text, as `as_dict()` or `to_dict()` of pymatgen or JARVIS or the
            objects themselves.

    Raises:
        ConfigError: A part is unknown.
    """
    parts = [load_descriptors(name) for name in parts_of(representation)]
    reasons: list[str | None] = [None] * len(materials)
    formulas, compositions, crystals = [""] * len(materials), [""] * len(materials), dict[int, Crystal]()
    for row, material in enumerate(materials):
        try:
            if _is_formula(material):
                formulas[row] = material
            else:
                crystals[row] = to_crystal(material)
                formulas[row] = formula_of(crystals[row].species)
            compositions[row] = canonical(formulas[row])
        except ValueError as error:
            hint = did_you_mean(formulas[row])
            reasons[row] = f"{error}.{hint}" if hint else str(error)
    blocks = [_block(part, compositions, crystals, reasons) for part in parts]
    x = np.concatenate(blocks, axis=1)
    x[[reason is not None for reason in reasons]] = np.nan
    return MaterialFeatures(x, reasons, formulas, [composition or None for composition in compositions])


def to_crystal(material: Any) -> Crystal:
    """Return a structure in any form as a crystal.

    Raises:
        ValueError: It is none, or damaged.
    """
    if isinstance(material, Crystal):
        return material
    for method in ("as_dict", "to_dict"):
        if hasattr(material, method):
            return read_structure(getattr(material, method)())
    if isinstance(material, str | Mapping):
        return read_structure(material)
    raise ValueError(f"neither a formula nor a crystal structure: {type(material).__name__}")


def _is_formula(material: Any) -> bool:
    """Return whether a material is a formula and no text of a structure."""
    return isinstance(material, str) and "\n" not in material.strip() and not material.lstrip().startswith("{")


def _block(
    part: Descriptors, compositions: Sequence[str], crystals: Mapping[int, Crystal], reasons: list[str | None]
) -> np.ndarray:
    """Return the columns of a part, and add to the reasons of rows that have none."""
    needs_structure = getattr(part, "NEEDS_STRUCTURE", False)
    rows = [row for row, reason in enumerate(reasons) if reason is None]
    if needs_structure:
        for row in [row for row in rows if row not in crystals]:
            reasons[row] = "a formula has no crystal structure, which the representation needs"
        rows = [row for row in rows if row in crystals]
    block = np.full((len(reasons), len(part.LABELS)), np.nan, dtype=np.float32)
    if rows:
        inputs: list[Any] = [crystals[row] if needs_structure else compositions[row] for row in rows]
        block[rows], rejected = part.featurize(inputs)
        for place, reason in rejected.items():
            reasons[rows[place]] = reason
    return block
