"""Source `matminer_transport`: electronic transport of 47,737 Materials Project entries, shipped inside matminer.

Ricci et al., Sci. Data 4, 170085 (2017). Columns: `mp_id`, `pretty_formula` and, for holes (`_p`) and electrons
(`_n`), conductivity `sigma`, Seebeck coefficient `S`, electronic thermal conductivity `kappa`, power factor `PF` and
effective mass `m`, as matminer's `TransportData` uses them. There is no band gap in this file; matminer's dataset
`ricci_boltztrap_mp_tabular` has it for the same entries.
"""

import importlib.metadata
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path
from elemflow.sources.matminer import matminer_folder
from elemflow.sources.options import SourceOptions
from elemflow.sources.records import FileRecord
from elemflow.sources.table_rows import CHUNK_ROWS

_RESOURCE = "utils/data_files/mp_transport/transport_database.tar.xz"
_MEMBER = "transport_database.csv"


class Options(SourceOptions):
    """There are no options."""

    @property
    def is_local(self) -> bool:
        """True: the file comes with matminer."""
        return True


def fetch(options: Options, folder: Path) -> list[FileRecord]:  # noqa: ARG001 - there are no options
    """Copy the archive out of the installed matminer; see `elemflow.sources.retrieve`."""
    version = importlib.metadata.version("matminer")
    origin = matminer_folder() / _RESOURCE
    if not origin.is_file():
        raise DataError(
            f"matminer {version} does not ship {_RESOURCE}; install the version of matminer that envs/ names."
        )
    target = folder / origin.name
    with atomic_path(target) as part:
        shutil.copyfile(origin, part)
    return [FileRecord.of(target, url=f"matminer {version}: {_RESOURCE}")]


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:  # noqa: ARG001 - there are no options
    """Yield the rows of the archive's table; see `elemflow.sources.retrieve`."""
    path = folder / Path(_RESOURCE).name
    with tarfile.open(path, "r:xz") as archive:
        stream = archive.extractfile(_MEMBER)
        if stream is None:
            raise DataError(f"{path} holds no {_MEMBER}.")
        for frame in pd.read_csv(stream, dtype=str, keep_default_na=False, chunksize=CHUNK_ROWS):
            frame.attrs["file"] = f"{path.name}/{_MEMBER}"
            yield frame
