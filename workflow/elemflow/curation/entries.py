"""Entries of a dataset: read from the source frame by frame, checked, and written one frame after the other.

Only numbers stay in memory: for each entry its composition (as a number) and its properties. Texts and structures
are on disk, in `entries.parquet`, from where they are read back for the chosen materials.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from elemflow.config.dataset import Dataset
from elemflow.core.files import parquet_stream
from elemflow.curation.element_columns import usual_sum
from elemflow.curation.job import CurationJob
from elemflow.curation.requirements import require_values
from elemflow.curation.rows import RowReader
from elemflow.curation.schema import entries_schema
from elemflow.sources.retrieve import read_raw


@dataclass(frozen=True)
class Entries:
    """All entries of a dataset, as far as the choice of materials needs them.

    Arrays have one item per row of `entries.parquet`.

    Attributes:
        path: The file with the entries.
        read: Rows of the source.
        names: Canonical formulas in alphabetical order.
        codes: Position of each entry's composition in `names`.
        properties: Properties by id, float64, NaN where there is none.
        types: Number of each entry's structure type; empty if the dataset has none.
        unreadable: By property, cells that were no numbers.
        rejected: By stage, the rows that could not be read: `row`, `entry_id`, `formula`, `reason`.
        without_structure: Rows that stay without a structure, by reason.
    """

    path: Path
    read: int
    names: pa.Array
    codes: np.ndarray
    properties: dict[str, np.ndarray]
    types: np.ndarray
    unreadable: dict[str, int]
    rejected: dict[str, pa.Table]
    without_structure: Counter[str]


def read_entries(job: CurationJob) -> Entries:
    """Read the files of a dataset and write every entry that can be read, in the order of the source.

    Raises:
        DataError: A column is missing, a number cannot be read, a property has no value, or no row is left.
    """
    columns, whole = job.dataset.columns, None
    if columns.elements and not columns.balance:
        # What most rows add up to is known at the end of the source only.
        whole = usual_sum(read_raw(job.dataset_id, job.dataset.source, job.raw_folder), columns.elements)
    reader = RowReader(job, whole)
    with parquet_stream(job.entries, entries_schema(job.dataset)) as append:
        writer = EntryWriter(job.dataset, append)
        for frame in read_raw(job.dataset_id, job.dataset.source, job.raw_folder):
            writer.append(reader.read(frame))
        reader.check(writer.rows)
        return writer.finish(job, reader)


class EntryWriter:
    """Write entries and collect the numbers that `Entries` holds.

    Attributes:
        rows: Number of entries written.
    """

    def __init__(self, dataset: Dataset, append: Callable[[pa.Table], None]) -> None:
        self._schema = entries_schema(dataset)
        self._append = append
        self.rows = 0
        self._codes: list[np.ndarray] = [np.empty(0, np.int32)]
        self._type_codes: list[np.ndarray] = [np.empty(0, np.int32)]
        self._types: dict[str, int] = {}
        self._values: dict[str, list[np.ndarray]] = {name: [] for name in dataset.properties}

    def append(self, table: pa.Table) -> None:
        """Write entries; `code` is the number of each entry's composition."""
        self.rows += len(table)
        self._codes.append(table["code"].to_numpy())
        for name, chunks in self._values.items():
            chunks.append(table[name].to_numpy())
        if "structure_type" in table.column_names:
            types = [self._types.setdefault(kind, len(self._types)) for kind in table["structure_type"].to_pylist()]
            self._type_codes.append(np.array(types, np.int32))
        self._append(table.select(self._schema.names).cast(self._schema))

    def finish(self, job: CurationJob, reader: RowReader) -> Entries:
        """Return the entries.

        Raises:
            DataError: A property has no value.
        """
        codes = _joined(self._codes)
        values = {name: _joined(chunks) for name, chunks in self._values.items()}
        require_values(job.dataset_id, values, reader.unreadable, reader.computed)
        names, rank = reader.compositions.rank()
        return Entries(
            path=job.entries,
            read=reader.rows,
            names=names,
            codes=rank[codes],
            properties=values,
            types=_joined(self._type_codes),
            unreadable=reader.unreadable,
            rejected=reader.rejections.tables(),
            without_structure=reader.without_structure,
        )


def _joined(chunks: list[np.ndarray]) -> np.ndarray:
    """Join arrays and free the parts."""
    whole = np.concatenate(chunks)
    chunks.clear()
    return whole
