"""Source `matminer`: a dataset of matminer's registry, with the address and SHA-256 that matminer pins.

Ward et al., Comput. Mater. Sci. 152, 60 (2018). matminer's own loader never verifies a file that is already there
and loads whole datasets with their structures into memory, so the file is fetched and read by our own modules; only
the registry is matminer's. Columns with pymatgen objects stay JSON text, but for those with compositions, which
become formulas. Where a dataset has structures but no formulas, as those of matbench, there is a column `formula` with
that of the structure's cell.
"""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from elemflow.chemistry.crystal import formula_of_pymatgen
from elemflow.core.errors import ConfigError, nearest
from elemflow.sources.download import download
from elemflow.sources.options import SourceOptions
from elemflow.sources.records import FileRecord
from elemflow.sources.table_rows import Layout, read_table


class Options(SourceOptions):
    """A dataset of matminer's registry."""

    name: str = Field(description="Name of the data set in matminer's registry.")

    @property
    def file_name(self) -> str:
        """Name of the file."""
        return f"{self.name}.json.gz"


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Download the dataset; see `elemflow.sources.retrieve`."""
    entry = registry_entry(options.name)
    return [download(entry["url"], folder / options.file_name, sha256=entry["hash"])]


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of the dataset; see `elemflow.sources.retrieve`."""
    for frame in read_table(folder / options.file_name, Layout("json")):
        if "structure" in frame and not {"formula", "composition"} & set(frame.columns):
            frame["formula"] = frame["structure"].map(_formula)
        if "composition" in frame:
            frame["composition"] = frame["composition"].map(_as_formula)
        yield frame


def registry_entry(name: str) -> dict[str, Any]:
    """Return matminer's registry entry of a dataset: `url`, `hash` (SHA-256), `num_entries`, `columns` and more.

    Raises:
        ConfigError: matminer has no dataset of this name.
    """
    registry = json.loads((matminer_folder() / "datasets" / "dataset_metadata.json").read_text(encoding="utf-8"))
    if name not in registry:
        hint = nearest(name, registry) or f" Allowed are {', '.join(sorted(registry))}."
        raise ConfigError(f"source.name is {name!r}, which is not a dataset of matminer.{hint}")
    return registry[name]


def matminer_folder() -> Path:
    """Return the folder of the installed matminer, without importing it: that takes seconds."""
    spec = importlib.util.find_spec("matminer")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("matminer is not installed; install the environment of the workflow (folder envs/).")
    return Path(spec.submodule_search_locations[0])


def _formula(structure: str) -> str:
    return formula_of_pymatgen(json.loads(structure)) if structure else ""


def _as_formula(cell: str) -> str:
    """Return the formula of a composition, which is text or a pymatgen object; others stay as they are."""
    if not cell.startswith("{"):
        return cell
    amounts = {symbol: amount for symbol, amount in json.loads(cell).items() if not symbol.startswith("@")}
    return "".join(f"{symbol}{amount:g}" for symbol, amount in amounts.items())
