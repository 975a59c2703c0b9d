"""Parts of a representation: what the modules named in `elemflow.registry.FEATURES` implement, and their files.

A part module has `LABELS` (column names in order), `UNITS` (one per label), `VERSION` (changes when the numbers
change), `CITATIONS` (BibTeX keys) and `featurize`. A representation such as `pa+ef` joins the columns of its parts.
"""

import importlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from elemflow.errors import DataError
from elemflow.files import PARQUET_OPTIONS, atomic_path, write_parquet
from elemflow.registry import FEATURES

log = logging.getLogger(__name__)

BATCH_ROWS = 16_384


class Part(Protocol):
    """What the module of a part has."""

    LABELS: tuple[str, ...]
    UNITS: tuple[str, ...]
    VERSION: str
    CITATIONS: tuple[str, ...]

    def featurize(self, compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
        """Compute the columns of canonical formulas.

        Args:
            compositions: What `elemflow.composition.canonical` returned.

        Returns:
            Float32 array (formulas, labels), and the reason by row for formulas that have no features; what the
            array holds in these rows has no meaning.
        """


def load_part(name: str) -> Part:
    """Import the module of a part, a key of `elemflow.registry.FEATURES`."""
    return cast("Part", importlib.import_module(FEATURES[name]))


def featurize_dataset(part: str, materials: str | Path, output: str | Path, rejected: str | Path) -> None:
    """Compute one part for all materials of a dataset, batch by batch.

    Args:
        part: A key of `elemflow.registry.FEATURES`.
        materials: `materials.parquet` of the dataset.
        output: Parquet file with `material_id` and one float32 column per label, rows as in `materials`; labels,
            units, version and citations in the metadata.
        rejected: Parquet file with `material_id` and `reason` of the materials that have no features.

    Raises:
        DataError: No material has features.
    """
    module = load_part(part)
    about = {
        "part": part,
        "labels": module.LABELS,
        "units": module.UNITS,
        "version": module.VERSION,
        "citations": module.CITATIONS,
    }
    fields = [pa.field("material_id", pa.string(), nullable=False)]
    fields += [pa.field(label, pa.float32(), nullable=False) for label in module.LABELS]
    schema = pa.schema(fields, metadata={b"elemflow": json.dumps(about, sort_keys=True).encode()})
    options = {key: value for key, value in PARQUET_OPTIONS.items() if key != "row_group_size"}
    lost: dict[str, list[str]] = {"material_id": [], "reason": []}
    kept = 0
    with atomic_path(output) as temporary, pq.ParquetWriter(temporary, schema, **options) as writer:
        for batch in pq.ParquetFile(materials).iter_batches(BATCH_ROWS, columns=["material_id", "composition"]):
            ids, compositions = (column.to_pylist() for column in batch.columns)
            matrix, reasons = module.featurize(compositions)
            lost["material_id"] += [ids[row] for row in reasons]
            lost["reason"] += reasons.values()
            rows = [row for row in range(len(ids)) if row not in reasons]
            columns = [pa.array([ids[row] for row in rows], pa.string())]
            columns += [pa.array(np.ascontiguousarray(column)) for column in matrix[rows].T]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            kept += len(rows)
        if not kept:
            raise DataError(f"{materials}: no material has features of part {part!r}. {_first_reason(lost)}")
    write_parquet(rejected, pa.table(lost, schema=pa.schema({"material_id": pa.string(), "reason": pa.string()})))
    log.info("%s: %d materials, %d without features", part, kept, len(lost["reason"]))


def read_features(
    paths: Sequence[str | Path], material_ids: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Join the columns of several parts for the materials that all of them have.

    Args:
        paths: Feature files, in the order of the representation.
        material_ids: Materials to read, in the wanted order; None for all, in the order of the first file.

    Returns:
        The materials found (n,), in the wanted order, and their float32 features (n, columns of all files).
    """
    ids = [pq.read_table(path, columns=["material_id"]).column(0).to_numpy() for path in paths]
    common = pd.Index(ids[0] if material_ids is None else np.asarray(material_ids, dtype=object))
    for others in ids:
        common = common[common.isin(others)]
    schemas = [pq.read_schema(path) for path in paths]
    matrix = np.empty((len(common), sum(len(schema) - 1 for schema in schemas)), dtype=np.float32)
    first = 0
    for path, own, schema in zip(paths, ids, schemas, strict=True):
        rows = pd.Index(own).get_indexer(common)
        table = pq.read_table(path, columns=[name for name in schema.names if name != "material_id"])
        for column in table.columns:
            matrix[:, first] = column.to_numpy()[rows]
            first += 1
    return common.to_numpy(dtype=object), matrix


def _first_reason(lost: dict[str, list[str]]) -> str:
    return f"The first, {lost['material_id'][0]}: {lost['reason'][0]}." if lost["reason"] else "The file is empty."
