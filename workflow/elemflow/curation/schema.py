"""Columns of the files that curation writes."""

from collections.abc import Sequence

import pyarrow as pa

from elemflow.config.dataset import Dataset

REJECTED = pa.schema(
    [pa.field("row", pa.int64(), nullable=False)]
    + [pa.field(name, pa.string(), nullable=False) for name in ("entry_id", "formula", "stage", "reason")]
)
"""Schema of `rejected.parquet`; rows of the source count from 1, without a header."""

NO_STRUCTURE = b""
"""What stands in `entries.parquet` for a structure that is not required and cannot be read."""


def entries_schema(dataset: Dataset) -> pa.Schema:
    """Return the schema of `entries.parquet`; the unit of a property is in its field's metadata."""
    keys = ["row", "entry_id", "formula", "composition", *_types(dataset), *dataset.columns.splits]
    return _with_properties(keys, dataset)


def materials_schema(dataset: Dataset) -> pa.Schema:
    """Return the schema of `materials.parquet`."""
    keys = ["material_id", "composition", "entry_id", "n_entries", *_types(dataset), *dataset.columns.splits]
    return _with_properties(keys, dataset)


def has_types(dataset: Dataset) -> bool:
    """Return whether entries have a structure type: from a column, or their space group where one is needed."""
    return bool(dataset.columns.structure_type) or dataset.keep.rule == "structures"


def _types(dataset: Dataset) -> list[str]:
    return ["structure_type"] if has_types(dataset) else []


def _with_properties(keys: Sequence[str], dataset: Dataset) -> pa.Schema:
    """Return a schema of keys, properties and, if the dataset keeps them, encoded structures."""
    counts = {"row", "n_entries"}
    fields = [pa.field(key, pa.int64() if key in counts else pa.string(), nullable=False) for key in keys]
    fields += [pa.field(name, pa.float64(), metadata={"unit": spec.unit}) for name, spec in dataset.properties.items()]
    if dataset.columns.structure:
        about = {"format": "elemflow.chemistry.crystal.encode"}
        nullable = not dataset.columns.structure.required
        fields.append(pa.field("structure", pa.binary(), nullable=nullable, metadata=about))
    return pa.schema(fields)
