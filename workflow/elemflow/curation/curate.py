"""Curation: from the rows of a database to one material per composition, with an account of every row.

The order is fixed. Formulas, numbers and structures are read, unphysical entries are filtered, and only then one entry
per composition is chosen: a spurious total energy of -98 eV/atom would otherwise win as the ground state.

Rows stream through: one pass over the source writes the entries, one over the entries picks those that became
materials. In memory are the numbers that filters and choice need, and the names of the distinct compositions.
"""

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from elemflow.chemistry.composition import amounts
from elemflow.core.errors import DataError
from elemflow.core.files import PARQUET_OPTIONS, parquet_stream, write_json
from elemflow.curation.entries import (
    Entries,
    has_types,
    property_fields,
    read_entries,
    require_rows,
    require_values,
    split_columns,
    structure_fields,
)
from elemflow.curation.polymorphs import Choice, apply_filter, choose

log = logging.getLogger(__name__)

_BLOCK_ROWS: int = PARQUET_OPTIONS["row_group_size"]
_REJECTED = pa.schema(
    [pa.field(name, pa.string(), nullable=False) for name in ("entry_id", "formula", "stage", "reason")]
)


def curate(
    dataset_id: str,
    dataset: Mapping[str, Any],
    raw_folder: str | Path,
    *,
    entries: str | Path,
    materials: str | Path,
    rejected: str | Path,
    report: str | Path,
) -> None:
    """Read, filter and de-duplicate a dataset; write the four files of the stage.

    Rules that the config does not spell out:

    * A row whose formula cannot be read is rejected. Empty cells, the words of `missing` and NaN are missing values.
    * Other text in a number column, infinity included, stops the run (`parse: strict`) or is counted and treated as
      missing (`parse: lenient`).
    * Where structures are kept, a row without one, or with one that cannot be read or holds other elements than the
      formula says, is rejected.
    * `range` and `sigma` judge values, so rows without one pass; `has` asks for a value. Limits are inclusive.
    * `sigma` keeps mean ± n standard deviations (n - 1 in the denominator), computed once over the rows that reach it.
    * `keep: lowest` takes the row of the lowest value, the earliest of equal ones; a row without the value never
      wins against one with it. `keep: median` takes the median of each property and the `entry_id` of the first row.
    * `keep: structures` goes through the rows of a composition and structure type from the lowest value upwards; a
      row is the structure of one that was kept if their volumes per atom differ by at most 1 % of the kept one's (two
      rows without a volume do not differ), and is kept itself otherwise. Without a column `structure_type` the type
      is the space group of the structure.
    * `keep: all` leaves every row a material of its own.
    * The other rows of a composition (or structure) are not rejected; `n_entries` counts all of them.

    Args:
        dataset_id: Name of the dataset.
        dataset: Its resolved config.
        raw_folder: Where the retrieve stage put the files.
        entries: Output; all rows that were read, in the order of the source: `entry_id`, `formula`, `composition`,
            `structure_type` (where there are types), the columns of `columns.splits`, properties, `structure` (where
            they are kept).
        materials: Output; one row per material, sorted: `material_id` (the composition; under `keep: structures` and
            `keep: all` composition, `#` and `entry_id`), `composition`, `entry_id`, `n_entries`, and the rest as in
            `entries`.
        rejected: Output; `entry_id`, `formula`, `stage`, `reason` of every dropped row, stage by stage.
        report: Output; the funnel as JSON.

    Raises:
        DataError: A column is missing, a number cannot be read, a property has no value, no row is left, or two
            materials would have the same id.
    """
    found = read_entries(dataset_id, dataset, Path(raw_folder), Path(entries))
    steps: list[dict[str, Any]] = [{"step": "rows read", "rows": found.read}]
    for stage, table in found.rejected.items():
        left = steps[-1]["rows"] - len(table)
        steps.append({"step": f"{stage} understood", "rows": left, "dropped": len(table)})

    rows = np.arange(len(found.codes))
    dropped: list[tuple[str, str, np.ndarray]] = []
    for spec in dataset.get("filters") or []:
        step = apply_filter(spec, found, rows)
        name = " ".join(filter(None, (spec["kind"], spec.get("property"))))
        dropped.append((name, step.reason, rows[~step.keep]))
        rows = rows[step.keep]
        entry: dict[str, Any] = {"step": name, "rows": len(rows), "dropped": len(dropped[-1][2])}
        steps.append(entry | ({"limits": list(step.limits)} if step.limits else {}))
        if not len(rows):
            first = _pick_one(found.path, dropped[-1][2][0]) | {"reason": step.reason}
            require_rows(dataset_id, 0, f"passes the filter {name!r}", first)

    choice = choose(dataset["keep"], found, rows)
    per = {"structures": "composition and structure", "all": "row"}.get(dataset["keep"]["rule"], "composition")
    steps.append({"step": f"one per {per}", "rows": len(choice.rows), "dropped": len(rows) - len(choice.rows)})
    require_values(dataset_id, choice.properties, found.unreadable)

    with tempfile.TemporaryFile(dir=Path(entries).parent) as spool:
        picked, lost = _pick(found.path, choice.rows, [rows for _, _, rows in dropped], spool)
        _write_materials(dataset_id, dataset, found, choice=choice, picked=picked, spool=spool, path=Path(materials))
    _write_rejected(found, dropped, lost, Path(rejected))
    properties = {
        name: _summary(choice.properties[name], spec) | {"unreadable": found.unreadable[name]}
        for name, spec in dataset["properties"].items()
    }
    write_json(
        report,
        {
            "dataset": dataset_id,
            "steps": steps,
            "entries": len(found.codes),
            "materials": len(choice.rows),
            "elements": len(_elements_of(found.names.take(pa.array(np.unique(found.codes[choice.rows]))))),
            "properties": properties,
        },
    )
    for name, about in properties.items():
        if about.get("below_bound"):
            log.warning(
                "%s: %d of %d values of '%s' are below its minimum, %g, down to %g %s; they stay. A filter of kind "
                "'range' drops them.",
                *(dataset_id, about["below_bound"], about["values"], name),
                *(dataset["properties"][name]["minimum"], about["minimum"], about["unit"]),
            )
    log.info("%s: %s", dataset_id, ", ".join(f"{step['step']} {step['rows']}" for step in steps))


def _pick(
    path: Path, chosen: np.ndarray, dropped: list[np.ndarray], spool: IO[bytes]
) -> tuple[pa.Table, list[pa.Table]]:
    """Read the entries once and take the rows that are needed.

    Args:
        path: `entries.parquet`.
        chosen: Rows of the materials, in any order.
        dropped: Rows that each filter dropped, ascending.
        spool: Receives the structures of the chosen rows, in the order of the source.

    Returns:
        Texts of the chosen rows in the order of `chosen`, with `offset` and `size` of the structures in the spool;
        `entry_id` and `formula` of the dropped ones, by filter.
    """
    file = pq.ParquetFile(path)
    ascending = np.sort(chosen)
    texts = [field.name for field in file.schema_arrow if field.type == pa.string() and field.name != "composition"]
    structures = ["structure"] if "structure" in file.schema_arrow.names else []
    picked: list[pa.Table] = []
    lost: list[list[pa.Table]] = [[] for _ in dropped]
    start = 0
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=texts + structures)
        for rows, tables in zip(dropped, lost, strict=True):
            tables.append(_rows_of(table.select(["entry_id", "formula"]), rows, start))
        part = _rows_of(table, ascending, start)
        if structures:
            sizes = pc.binary_length(part["structure"]).cast(pa.int64()).to_numpy()
            offsets = spool.tell() + np.cumsum(sizes) - sizes
            spool.write(b"".join(part["structure"].to_pylist()))
            part = part.append_column("offset", pa.array(offsets)).append_column("size", pa.array(sizes))
            part = part.drop_columns(["structure"])
        picked.append(part)
        start += len(table)
    spool.flush()
    order = pa.array(np.searchsorted(ascending, chosen))
    return pa.concat_tables(picked).combine_chunks().take(order), [pa.concat_tables(tables) for tables in lost]


def _rows_of(table: pa.Table, rows: np.ndarray, start: int) -> pa.Table:
    """Return those of the ascending `rows` that lie in a table whose first row has the number `start`."""
    first, end = np.searchsorted(rows, [start, start + len(table)])
    return table.take(pa.array(rows[first:end] - start))


def _write_materials(
    dataset_id: str,
    dataset: Mapping[str, Any],
    found: Entries,
    *,
    choice: Choice,
    picked: pa.Table,
    spool: IO[bytes],
    path: Path,
) -> None:
    """Write the chosen rows, sorted by `material_id`; structures are read from the spool block by block."""
    compositions = found.names.take(pa.array(found.codes[choice.rows]))
    ids, order = compositions, np.arange(len(compositions))
    if dataset["keep"]["rule"] in {"structures", "all"}:
        ids = pc.binary_join_element_wise(compositions, picked["entry_id"].combine_chunks(), "#")
        order = pc.array_sort_indices(ids).to_numpy()
        _require_different(dataset_id, ids.take(pa.array(order)))
    columns = {
        "material_id": ids,
        "composition": compositions,
        "entry_id": picked["entry_id"],
        "n_entries": pa.array(choice.n_entries, pa.int64()),
        **({"structure_type": picked["structure_type"]} if has_types(dataset) else {}),
        **{name: picked[name] for name in split_columns(dataset)},
        **{name: pa.array(values, from_pandas=True) for name, values in choice.properties.items()},
    }
    texts = [name for name in columns if name not in choice.properties]
    keys = [pa.field(name, pa.int64() if name == "n_entries" else pa.string(), nullable=False) for name in texts]
    schema = pa.schema([*keys, *property_fields(dataset), *structure_fields(dataset)])
    table = pa.table(columns)
    with parquet_stream(path, schema) as append:
        for start in range(0, len(table), _BLOCK_ROWS):
            rows = pa.array(order[start : start + _BLOCK_ROWS])
            block = table.take(rows)
            if "offset" in picked.column_names:
                places = picked.select(["size", "offset"]).take(rows)
                codes = [
                    os.pread(spool.fileno(), size, at) for size, at in zip(*places.to_pydict().values(), strict=True)
                ]
                block = block.append_column("structure", pa.array(codes, pa.binary()))
            append(block.cast(schema))


def _require_different(dataset_id: str, ids: pa.Array) -> None:
    """Refuse a `material_id` that stands twice in sorted ids."""
    same = pc.equal(ids[1:], ids[:-1])
    if pc.any(same).as_py():
        twice = ids[pc.index(same, value=True).as_py()].as_py()
        raise DataError(
            f"Dataset {dataset_id}: two entries would both be the material {twice!r}, since columns.entry_id does "
            "not tell them apart. Name a column whose values are unique, or leave it out to number the rows."
        )


def _write_rejected(
    found: Entries, dropped: list[tuple[str, str, np.ndarray]], lost: list[pa.Table], path: Path
) -> None:
    with parquet_stream(path, _REJECTED) as append:
        for stage, table in found.rejected.items():
            append(_rejections(table, stage, table["reason"]))
        for (stage, reason, _), table in zip(dropped, lost, strict=True):
            append(_rejections(table, stage, pa.repeat(reason, len(table))))


def _rejections(table: pa.Table, stage: str, reasons: pa.Array) -> pa.Table:
    columns = [table["entry_id"], table["formula"], pa.repeat(stage, len(table)), reasons]
    return pa.Table.from_arrays(columns, schema=_REJECTED)


def _pick_one(path: Path, row: int) -> dict[str, str]:
    """Return `entry_id` and `formula` of one row of the entries."""
    nothing = np.empty(0, np.int64)
    with tempfile.TemporaryFile() as spool:
        picked, _ = _pick(path, np.array([row]), [nothing], spool)
    return picked.select(["entry_id", "formula"]).to_pylist()[0]


def _elements_of(compositions: pa.Array) -> set[str]:
    return {symbol for composition in compositions for symbol in amounts(composition.as_py())}


def _summary(values: np.ndarray, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says about a property of the materials."""
    present = pd.Series(values).dropna()
    summary: dict[str, Any] = {
        "unit": spec["unit"],
        "values": len(present),
        "minimum": float(present.min()),
        "maximum": float(present.max()),
        "mean": float(present.mean()),
    }
    if spec.get("minimum") is not None:
        summary["below_bound"] = int((present < spec["minimum"]).sum())
    return summary
