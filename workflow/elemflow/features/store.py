"""Compute the parts of a representation, and store and read their feature files.

A module of descriptors, one of those named in `elemflow.config.kinds.FEATURES`, has `LABELS` (column names in order),
`UNITS` (one per label), `VERSION` (changes when the numbers change), `CITATIONS` (BibTeX keys) and `featurize`; one
that works on crystal structures also has `NEEDS_STRUCTURE = True`. A representation such as `pa+ef` joins the columns
of its parts, which are stored once each.
"""

import importlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from elemflow.chemistry import crystal as structures
from elemflow.config.kinds import FEATURES
from elemflow.core.errors import DataError
from elemflow.core.files import parquet_stream, read_metadata
from elemflow.core.losses import LARGE_LOSS, in_words, most_common
from elemflow.core.parquet import count_rows, read_schema, read_table, row_groups

log = logging.getLogger(__name__)

BATCH_ROWS = 16_384
BATCH_STRUCTURES = 256

_REJECTED = pa.schema([pa.field("material_id", pa.string()), pa.field("reason", pa.string())])


class Descriptors(Protocol):
    """What the module of a part implements."""

    LABELS: tuple[str, ...]
    UNITS: tuple[str, ...]
    VERSION: str
    CITATIONS: tuple[str, ...]

    def featurize(self, inputs: Sequence[Any]) -> tuple[np.ndarray, dict[int, str]]:
        """Compute the columns of some materials.

        Args:
            inputs: Canonical formulas (`elemflow.chemistry.composition.canonical`), or
                `elemflow.chemistry.crystal.Crystal` if the module declares `NEEDS_STRUCTURE`.

        Returns:
            Float32 array (materials, labels), and the reason by row for materials that have no features; what the
            array holds in these rows has no meaning.
        """


def load_descriptors(name: str) -> Descriptors:
    """Import the module of a part, a key of `elemflow.config.kinds.FEATURES`."""
    return cast("Descriptors", importlib.import_module(FEATURES[name]))


def featurize_chunk(
    part: str, materials: str | Path, output: str | Path, rejected: str | Path, *, chunk: int = 0, chunks: int = 1
) -> None:
    """Compute one part for a share of the materials of a dataset, batch by batch.

    Args:
        part: A key of `elemflow.config.kinds.FEATURES`.
        materials: `materials.parquet` of the dataset.
        output: Parquet file with `material_id` and one float32 column per label, rows as in `materials`; labels,
            units, version and citations in the metadata.
        rejected: Parquet file with `material_id` and `reason` of the materials that have no features.
        chunk: Which share, from 0.
        chunks: Number of shares.

    Raises:
        DataError: The part needs crystal structures and the dataset has none.
    """
    module = load_descriptors(part)
    needs_structure = getattr(module, "NEEDS_STRUCTURE", False)
    column = structures.COLUMN if needs_structure else "composition"
    if column not in read_schema(materials).names:
        raise DataError(
            f"{materials} has no column '{column}', and part '{part}' is computed from crystal structures. Use a "
            f"dataset whose source has structures, or a representation without '{part}'."
        )
    lost: dict[str, list[str]] = {"material_id": [], "reason": []}

    def tables() -> Iterator[pa.Table]:
        batch_rows = BATCH_STRUCTURES if needs_structure else BATCH_ROWS
        for batch in _batches(Path(materials), ["material_id", column], batch_rows, chunk, chunks):
            ids, inputs = (values.to_pylist() for values in batch.columns)
            matrix, reasons = _of_structures(module, inputs) if needs_structure else module.featurize(inputs)
            lost["material_id"] += [ids[row] for row in sorted(reasons)]
            lost["reason"] += [reasons[row] for row in sorted(reasons)]
            rows = np.setdiff1d(np.arange(len(ids)), list(reasons))
            columns = [pa.array([ids[row] for row in rows], pa.string())]
            columns += [pa.array(np.ascontiguousarray(values)) for values in matrix[rows].T]
            yield pa.Table.from_arrays(columns, schema=schema)

    schema = _schema(part, module)
    found = 0
    with parquet_stream(output, schema) as append:
        for table in tables():
            append(table)
            found += len(table)
    with parquet_stream(rejected, _REJECTED) as append:
        append(pa.table(lost, schema=_REJECTED))
    log.info(
        "%s, chunk %d of %d: %d materials, %d without features", part, chunk + 1, chunks, found, len(lost["reason"])
    )


def gather_chunks(
    features: Sequence[str | Path], rejections: Sequence[str | Path], output: str | Path, rejected: str | Path
) -> None:
    """Join the chunks of a part; the bytes of the result do not depend on how many there were.

    Warns of the materials without features from `LARGE_LOSS` on.

    Args:
        features: `output` of `featurize_chunk` for each chunk, in order.
        rejections: `rejected` of `featurize_chunk` for each chunk, in order.
        output: The features of all materials.
        rejected: The materials without features.

    Raises:
        DataError: No material has features.
    """
    schema = read_schema(features[0])
    found = sum(map(count_rows, features))
    lost = pa.concat_tables([read_table(path) for path in rejections])
    if not found:
        part = read_metadata(features[0])["part"]
        first = f"The first, {lost['material_id'][0]}: {lost['reason'][0]}." if len(lost) else "The dataset is empty."
        raise DataError(f"{output}: no material has features of part {part!r}. {first}")
    with parquet_stream(output, schema) as append:
        for path in features:
            for table in row_groups(path):
                append(table)
    with parquet_stream(rejected, _REJECTED) as append:
        append(lost)
    log.info("%d materials, %d without features", found, len(lost))
    if len(lost) >= LARGE_LOSS * (found + len(lost)) and len(lost):
        reasons = {item["values"]: item["counts"] for item in pc.value_counts(lost["reason"]).to_pylist()}
        log.warning(
            "%s of %s materials have no features of part '%s': %s. Runs on it leave them out. All are in %s.",
            *(f"{len(lost):,}", f"{found + len(lost):,}", read_metadata(features[0])["part"]),
            *(in_words(most_common(reasons)), rejected),
        )


def read_features(
    paths: Sequence[str | Path], material_ids: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Join the columns of several parts for the materials that all of them have.

    In memory are the result and one row group.

    Args:
        paths: Feature files, in the order of the representation.
        material_ids: Materials to read, in the wanted order; None for all, in the order of the first file.

    Returns:
        The materials found (n,), in the wanted order, and their float32 features (n, columns of all files).
    """
    ids = [read_table(path, ["material_id"]).column(0).combine_chunks() for path in paths]
    common = ids[0] if material_ids is None else pa.array(list(material_ids), pa.string())
    for own in ids:
        common = common.filter(pc.is_in(common, value_set=own))
    widths = [len(read_schema(path)) - 1 for path in paths]
    matrix = np.empty((len(common), sum(widths)), dtype=np.float32)
    first = 0
    for path, own, width in zip(paths, ids, widths, strict=True):
        place = pc.index_in(common, value_set=own).to_numpy(zero_copy_only=False)
        done = 0
        for table in row_groups(path):
            wanted = np.flatnonzero((place >= done) & (place < done + len(table)))
            block = np.stack([column.to_numpy() for column in table.columns[1:]], axis=1)
            matrix[wanted, first : first + width] = block[place[wanted] - done]
            done += len(table)
        first += width
    return common.to_numpy(zero_copy_only=False).astype(object), matrix


def feature_batches(paths: Sequence[str | Path], rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the joined columns of several parts, some materials at a time, in the order of the files.

    In memory are the ids of all materials, one row group of each file and one batch.

    Args:
        paths: Feature files of one dataset, in the order of the representation.
        rows: Most materials of a batch.

    Yields:
        Ids (n,) and float32 features (n, columns of all files) of materials that all files have.

    Raises:
        DataError: The files have their materials in different orders, or none in common.
    """
    ids = [read_table(path, ["material_id"]).column(0).combine_chunks() for path in paths]
    common = ids[0]
    for own in ids[1:]:
        common = common.filter(pc.is_in(common, value_set=own))
    if not len(common):
        raise DataError(f"{', '.join(map(str, paths))}: no material has features in all of these files.")
    for batches in zip(*(_matrices(path, common, rows) for path in paths), strict=True):
        (found, _), *others = batches
        if any(not np.array_equal(found, other) for other, _ in others):
            raise DataError(
                f"{', '.join(map(str, paths))}: the materials are in different orders; give files of one dataset, as "
                "the workflow writes them."
            )
        yield found, np.concatenate([x for _, x in batches], axis=1)


def _matrices(path: str | Path, wanted: pa.Array, rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield ids and columns of the wanted materials of a file; all batches but the last have all rows."""
    waiting: list[pa.Table] = []
    held = 0
    for table in row_groups(path):
        chosen = table.filter(pc.is_in(table["material_id"], value_set=wanted))
        waiting, held = [*waiting, chosen], held + len(chosen)
        while held >= rows:
            whole = pa.concat_tables(waiting)
            yield _matrix(whole.slice(0, rows))
            waiting, held = [whole.slice(rows)], held - rows
    if held:
        yield _matrix(pa.concat_tables(waiting))


def _matrix(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    x = np.empty((len(table), table.num_columns - 1), dtype=np.float32)
    for place, column in enumerate(table.columns[1:]):
        x[:, place] = column.to_numpy()
    return table.column(0).to_numpy().astype(object), x


def _schema(part: str, module: Descriptors) -> pa.Schema:
    about = {
        "part": part,
        "labels": module.LABELS,
        "units": module.UNITS,
        "version": module.VERSION,
        "citations": module.CITATIONS,
    }
    fields = [pa.field("material_id", pa.string(), nullable=False)]
    fields += [pa.field(label, pa.float32(), nullable=False) for label in module.LABELS]
    return pa.schema(fields, metadata={b"elemflow": json.dumps(about, sort_keys=True).encode()})


def _of_structures(module: Descriptors, inputs: Sequence[bytes | None]) -> tuple[np.ndarray, dict[int, str]]:
    """Decode structures and compute their features; a missing or damaged one gets a reason."""
    reasons: dict[int, str] = {}
    rows, crystals = [], []
    for row, data in enumerate(inputs):
        if data is None:
            reasons[row] = "the source has no structure of this material"
            continue
        try:
            crystals.append(structures.decode(data))
            rows.append(row)
        except ValueError as error:
            reasons[row] = str(error)
    matrix = np.zeros((len(inputs), len(module.LABELS)), dtype=np.float32)
    matrix[rows], own = module.featurize(crystals)
    return matrix, reasons | {rows[place]: reason for place, reason in own.items()}


def _batches(path: Path, columns: list[str], rows: int, chunk: int, chunks: int) -> Iterator[pa.RecordBatch]:
    """Yield a share of the rows of a file; in memory is what belongs to it of one row group."""
    total = count_rows(path)
    for table in row_groups(path, columns, chunk * total // chunks, (chunk + 1) * total // chunks):
        yield from table.to_batches(rows)
