"""Formats of structure files, by their names alone."""

from pathlib import Path

SUFFIXES = {".cif": "cif", ".vasp": "poscar", ".poscar": "poscar", ".xyz": "extxyz", ".extxyz": "extxyz"}
"""Formats by the end of a name."""
NAMES = ("POSCAR", "CONTCAR")
"""Beginnings of names of POSCAR files without an end."""


def structure_format(name: str) -> str | None:
    """Return the format of a structure file by its name; None if it is none."""
    path = Path(name)
    return SUFFIXES.get(path.suffix.lower(), "poscar" if path.name.startswith(NAMES) else None)
