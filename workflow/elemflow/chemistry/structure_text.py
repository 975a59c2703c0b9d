"""Crystal structures in any of the forms that databases and programs write."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from elemflow.chemistry.cif import from_cif
from elemflow.chemistry.crystal import Crystal, from_jarvis, from_pymatgen
from elemflow.chemistry.extxyz import from_extxyz
from elemflow.chemistry.poscar import from_poscar


def read_structure(value: str | Mapping[str, Any]) -> Crystal:
    """Read a structure in any of the known forms.

    Args:
        value: CIF text, or a pymatgen `Structure.as_dict()` or JARVIS `Atoms.to_dict()`, as JSON text or as mapping.

    Raises:
        ValueError: The value is none of these, or it is damaged; the message says why.
    """
    if isinstance(value, str):
        if not value.lstrip().startswith("{"):
            return from_cif(value)
        value = _from_json(value)
    if isinstance(value, Mapping) and "lattice_mat" in value:
        return from_jarvis(value)
    if isinstance(value, Mapping) and "sites" in value:
        return from_pymatgen(value)
    raise ValueError("the structure is neither CIF text nor a dict of pymatgen ('sites') or JARVIS ('lattice_mat')")


READERS: Mapping[str, Callable[[str], Crystal]] = {
    "pymatgen": lambda text: from_pymatgen(_from_json(text)),
    "jarvis": lambda text: from_jarvis(_from_json(text)),
    "cif": from_cif,
    "poscar": from_poscar,
    "extxyz": from_extxyz,
}
"""The reader of each `columns.structure.format` of a dataset."""


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the structure is no valid JSON: {error}") from None
