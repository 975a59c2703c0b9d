"""Small tables and their curation."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.config.dataset import Dataset
from elemflow.core.files import read_json
from elemflow.curation.curate import curate
from elemflow.curation.job import CurationJob
from elemflow.sources.retrieve import retrieve

LOWEST = {"rule": "lowest", "property": "energy"}


@dataclass
class Outcome:
    entries: pd.DataFrame
    materials: pd.DataFrame
    rejected: pd.DataFrame
    report: dict[str, Any]
    files: dict[str, bytes]

    @property
    def energies(self) -> dict[str, float]:
        return dict(zip(self.materials["material_id"], self.materials["energy"], strict=True))


def energy(**options: Any) -> dict[str, Any]:
    return {"column": "e", "unit": "eV/atom", "title": "Energy", "parse": "strict", "missing": ["na"]} | options


def run(folder: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Outcome:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return curated(folder, declared(folder / name, **options))


def declared(path: Path, **options: Any) -> dict[str, Any]:
    return {
        "source": {"kind": "table", "path": str(path)},
        "columns": {"formula": "formula", "entry_id": None},
        "properties": {"energy": energy()},
        "filters": [],
        "keep": LOWEST,
        "published_size": {"paper": 7},
    } | options


def curated(folder: Path, declaration: dict[str, Any]) -> Outcome:
    names = ("entries", "materials", "rejected")
    outputs = {part: folder / f"{part}.parquet" for part in names} | {"report": folder / "curation.json"}
    dataset = Dataset.model_validate(declaration)
    retrieve("demo", dataset.source, folder / "raw")
    curate(CurationJob("demo", dataset, folder / "raw", **outputs))
    frames = [pd.read_parquet(outputs[part]) for part in names]
    return Outcome(*frames, read_json(outputs["report"]), {key: path.read_bytes() for key, path in outputs.items()})


STRUCTURE = {"column": "atoms", "format": "jarvis"}


COLUMNS = {"formula": "formula", "entry_id": "id", "structure": STRUCTURE}


COMPUTED = {"computed": "volume_per_atom", "unit": "Å³/atom", "title": "Volume"}


def salt(edge: float = 5.64, elements: tuple[str, str] = ("Na", "Cl"), **changes: Any) -> str:
    """Return a primitive cell of the rock-salt type as JSON; the atom in the middle may be moved."""
    half = edge / 2
    lattice = [[0, half, half], [half, 0, half], [half, half, 0]]
    atoms = {"lattice_mat": lattice, "coords": [[0, 0, 0], [0.5, 0.5, 0.5]], "elements": elements, "cartesian": False}
    return json.dumps(atoms | changes)


def records(folder: Path, rows: list[tuple[str, str, float | None, str | None]], **options: Any) -> Outcome:
    """Curate rows of id, formula, energy, structure."""
    content = json.dumps([dict(zip(("id", "formula", "e", "atoms"), row, strict=True)) for row in rows])
    return run(folder, content, name="t.json", **{"columns": COLUMNS} | options)
