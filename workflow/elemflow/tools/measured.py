"""The measured data sets that ship with the project: packed from matminer's registry, row for row.

    python -m elemflow.tools.measured

downloads the files that the registry names, checks their SHA-256 against it, and writes `resources/data/`. With
`--from FOLDER` it packs CSV copies in a folder (`<name in the registry>.csv` or `.csv.gz`) instead, without a network.
With `--check` nothing is written: the packed tables are compared with the others, row for row.
"""

import argparse
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path
from elemflow.sources import matminer

FOLDER = Path(__file__).resolve().parents[3] / "resources/data"
SETS = {"kefe": "expt_formation_enthalpy_kingsbury", "kebg": "expt_gap_kingsbury"}
"""Name of the packed table and of the data set in matminer's registry."""


def from_registry(name: str) -> pd.DataFrame:
    """Return the rows of a data set as matminer's registry has them; needs a network."""
    options = matminer.Options(name=name)
    with TemporaryDirectory() as folder:
        matminer.fetch(options, Path(folder))
        return pd.concat(matminer.read(options, Path(folder)), ignore_index=True)


def from_folder(folder: Path) -> Callable[[str], pd.DataFrame]:
    """Return a reader of CSV copies in a folder, whose unnamed column of row numbers is dropped."""

    def read(name: str) -> pd.DataFrame:
        path = next((path for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if path.exists()), None)
        if path is None:
            raise DataError(f"{folder}: has neither {name}.csv nor {name}.csv.gz.")
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table.loc[:, [column for column in table if not str(column).startswith("Unnamed")]]

    return read


def pack(read: Callable[[str], pd.DataFrame], folder: Path) -> None:
    """Write every set as `<name>.csv.gz`, always with the same bytes for the same rows.

    Args:
        read: Returns the rows of a data set of the registry.
        folder: Where the tables go.

    Raises:
        DataError: A data set does not have the columns and the number of rows of the registry.
    """
    for packed, name in SETS.items():
        entry = matminer.registry_entry(name)
        columns = list(entry["columns"])
        table = read(name)
        if missing := sorted(set(columns) - set(table)):
            raise DataError(
                f"{name}: columns {', '.join(missing)} are missing; the registry names {', '.join(columns)}."
            )
        if len(table) != entry["num_entries"]:
            raise DataError(f"{name}: {len(table)} rows; the registry says {entry['num_entries']}.")
        text = io.StringIO()
        table[columns].to_csv(text, index=False, lineterminator="\n")
        with atomic_path(folder / f"{packed}.csv.gz") as temporary:
            temporary.write_bytes(gzip.compress(text.getvalue().encode("utf-8"), 9, mtime=0))


def compare(read: Callable[[str], pd.DataFrame], folder: Path) -> None:
    """Check that packed tables have the rows of the registry's data sets.

    Raises:
        DataError: One has not.
    """
    with TemporaryDirectory() as scratch:
        pack(read, Path(scratch))
        for packed, name in SETS.items():
            ours, theirs = (pd.read_csv(place / f"{packed}.csv.gz") for place in (folder, Path(scratch)))
            if not ours.equals(theirs):
                raise DataError(f"{folder / packed}.csv.gz: its rows are not those of {name}. Pack it again.")


def main() -> None:
    """Write or check resources/data/."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path, help="folder with CSV copies, instead of a network")
    parser.add_argument("--check", action="store_true", help="compare the packed tables instead of writing them")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (compare if arguments.check else pack)(from_folder(arguments.folder) if arguments.folder else from_registry, FOLDER)


if __name__ == "__main__":
    main()
