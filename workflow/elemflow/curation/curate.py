"""Curation: from the rows of a database to one material per composition, with an account of every row.

The order is fixed. Formulas, numbers and structures are read, unphysical entries are filtered, and only then one entry
per composition is chosen: a spurious total energy of -98 eV/atom would otherwise win as the ground state.

Rows stream through: one pass over the source writes the entries, one over the entries picks those that became
materials. In memory are the numbers that filters and choice need, and the names of the distinct compositions.
"""

import logging
import os
import tempfile
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from elemflow.chemistry import material_id
from elemflow.chemistry.composition import amounts
from elemflow.config.dataset import Property
from elemflow.core.errors import DataError
from elemflow.core.files import PARQUET_OPTIONS, JsonObject, parquet_stream, write_json
from elemflow.core.losses import LARGE_LOSS, in_words, most_common
from elemflow.core.parquet import read_schema, row_groups
from elemflow.curation.entries import Entries, read_entries
from elemflow.curation.job import CurationJob
from elemflow.curation.near_compositions import NEAR, near_compositions
from elemflow.curation.outliers import FAR_BELOW, far_below, lone_edges, second_lowest
from elemflow.curation.polymorphs import Choice, apply_filter, choose
from elemflow.curation.requirements import place_of, require_rows, require_values
from elemflow.curation.schema import REJECTED, materials_schema

log = logging.getLogger(__name__)

SHOWN_EXAMPLES = 3
OPTIONAL = " For models of compositions alone, 'columns.structure.required: false' keeps those that cannot be read."

_NAMED = ["row", "entry_id", "formula"]
_BLOCK_ROWS: int = PARQUET_OPTIONS["row_group_size"]


class Dropped(NamedTuple):
    """Rows that a filter dropped.

    Attributes:
        stage: Name of the filter.
        reason: Why they were dropped.
        rows: Their numbers, ascending.
    """

    stage: str
    reason: str
    rows: np.ndarray


def curate(job: CurationJob) -> None:
    """Read, filter and de-duplicate a dataset; write the four files of the stage.

    Rules that the config does not spell out:

    * A row whose formula cannot be read is rejected. Empty cells, the words of `missing` and NaN are missing values.
    * Other text in a number column, infinity included, stops the run (`parse: strict`) or is counted and treated as
      missing (`parse: lenient`).
    * Where structures are read, a row without one, or with one that cannot be read, is rejected unless
      `columns.structure.required` is false; one with a structure of other elements than the formula says always is.
    * `range` and `sigma` compare values, so rows without one pass; `has` requires a value. Limits are inclusive.
    * `sigma` keeps mean ± n standard deviations (n - 1 in the denominator), computed once over the rows that reach it.
    * `keep: lowest` takes the row of the lowest value, the earliest of equal ones; a row without the value never
      wins against one with it. `keep: median` takes the median of each property and the `entry_id` of the first row.
    * `keep: structures` goes through the rows of a composition and structure type from the lowest value upwards; a
      row is a duplicate of one that stays if their volumes per atom differ by at most 1 % of the latter's (two rows
      without a volume do not differ), and stays itself otherwise. Without a column `structure_type` the type is the
      space group of the structure.
    * `keep: all` makes every row a material of its own.
    * The other rows of a composition (or structure) are not rejected; `n_entries` counts all of them.

    Raises:
        DataError: A column is missing, a number cannot be read, a property has no value, no row is left, or two
            materials would have the same id.
    """
    found = read_entries(job)
    steps: list[JsonObject] = [{"step": "rows read", "rows": found.read}]
    left = found.read
    for stage, table in found.rejected.items():
        left -= len(table)
        steps.append({"step": f"{stage} understood", "rows": left, "dropped": len(table)})
    rows, dropped = _apply_filters(job, found, steps)
    choice = choose(job.dataset.keep, found, rows)
    per = {"structures": "composition and structure", "all": "row"}.get(job.dataset.keep.rule, "composition")
    steps.append({"step": f"one per {per}", "rows": len(choice.rows), "dropped": len(rows) - len(choice.rows)})
    require_values(job.dataset_id, choice.properties, found.unreadable)

    with tempfile.TemporaryFile(dir=job.entries.parent) as spool:
        picked, lost = _pick(found, choice.rows, [each.rows for each in dropped], spool)
        _write_materials(job, found, choice, picked, spool)
    _write_rejected(job, found, dropped, lost)
    _write_report(job, found, choice, steps)
    _warn_of_losses(job, found)
    _warn_of_outliers(job, found)
    _warn_of_far_lowest(job, found, rows, choice)
    _warn_of_near_compositions(job, found, choice)
    log.info("%s: %s", job.dataset_id, ", ".join(f"{step['step']} {step['rows']}" for step in steps))


def _apply_filters(job: CurationJob, found: Entries, steps: list[JsonObject]) -> tuple[np.ndarray, list[Dropped]]:
    """Return the rows that pass all filters, and those that each filter drops; append the steps to the report."""
    rows = np.arange(len(found.codes))
    dropped: list[Dropped] = []
    for spec in job.dataset.filters:
        result = apply_filter(spec, found, rows)
        name = " ".join(filter(None, (spec.kind, getattr(spec, "property", None))))
        lost = Dropped(name, result.reason, rows[~result.keep])
        dropped.append(lost)
        rows = rows[result.keep]
        step: JsonObject = {"step": name, "rows": len(rows), "dropped": len(lost.rows)}
        steps.append(step | ({"limits": list(result.limits)} if result.limits else {}))
        if not len(rows):
            first = _pick_one(found, lost.rows[0]) | {"reason": result.reason}
            require_rows(job.dataset_id, 0, f"passes the filter {name!r}", first)
    return rows, dropped


def _write_report(job: CurationJob, found: Entries, choice: Choice, steps: list[JsonObject]) -> None:
    """Write the number of rows after every step and a summary of the properties; warn of values below a minimum."""
    properties = {
        name: _summary(choice.properties[name], spec) | {"unreadable": found.unreadable[name]}
        for name, spec in job.dataset.properties.items()
    }
    write_json(
        job.report,
        {
            "dataset": job.dataset_id,
            "steps": steps,
            "entries": len(found.codes),
            "materials": len(choice.rows),
            "elements": len(_elements_of(found.names.take(pa.array(np.unique(found.codes[choice.rows]))))),
            "properties": properties,
            "not_understood": {
                stage: {"rows": len(table), "reasons": _frequent(table["reason"])}
                for stage, table in found.rejected.items()
                if len(table)
            },
            **_without_structure(found),
        },
    )
    for name, about in properties.items():
        if about.get("below_bound"):
            log.warning(
                "%s: %d of %d values of '%s' are below its minimum, %g, down to %g %s; they stay. A filter of kind "
                "'range' drops them.",
                *(job.dataset_id, about["below_bound"], about["values"], name),
                *(job.dataset.properties[name].minimum, about["minimum"], about["unit"]),
            )


def _warn_of_losses(job: CurationJob, found: Entries) -> None:
    """Warn of rows that could not be read and of cells that were no numbers, from `LARGE_LOSS` on."""
    for stage, table in found.rejected.items():
        if len(table) and len(table) >= LARGE_LOSS * found.read:
            advice = OPTIONAL if stage == "structure" and _could_be_optional(job) else ""
            log.warning(
                "%s: %s of %s rows lost, their %s is not understood: %s. All are in %s.%s",
                *(job.dataset_id, f"{len(table):,}", f"{found.read:,}", stage, in_words(_frequent(table["reason"]))),
                *(job.rejected, advice),
            )
    if missing := found.without_structure.total():
        log.warning(
            "%s: %s of %s rows stay without a structure, since it is not required: %s. Parts computed from structures "
            "do not have them.",
            *(job.dataset_id, f"{missing:,}", f"{found.read:,}", in_words(most_common(found.without_structure))),
        )
    for name, count in found.unreadable.items():
        if count and count >= LARGE_LOSS * found.read:
            log.warning(
                "%s: %s of %s cells of '%s' are no numbers and count as missing, as 'parse: lenient' says.",
                *(job.dataset_id, f"{count:,}", f"{found.read:,}", name),
            )


def _could_be_optional(job: CurationJob) -> bool:
    columns = job.dataset.columns
    return columns.structure is not None and columns.structure.required and bool(columns.formula or columns.elements)


def _warn_of_outliers(job: CurationJob, found: Entries) -> None:
    """Warn of a number at an edge of a column that lies far from all others, as a mark for a missing value does."""
    for name, values in found.properties.items():
        for edge, low, high in lone_edges(values):
            rows = np.flatnonzero(values == edge)
            first = _pick_one(found, rows[0])
            log.warning(
                "%s: %d of the values of '%s' %s %g, far from all others (%g to %g), first in %s. If it "
                "marks a missing value, add '%g' to the property's 'missing' list; a filter of kind 'range' drops it.",
                *(job.dataset_id, len(rows), name, "is" if len(rows) == 1 else "are", edge, low, high),
                *(place_of(first), edge),
            )


def _warn_of_far_lowest(job: CurationJob, found: Entries, rows: np.ndarray, choice: Choice) -> None:
    """Warn of values that were chosen as the lowest of their composition and are implausible; see `far_below`."""
    name = job.dataset.keep.property
    if job.dataset.keep.rule != "lowest" or name is None:
        return
    lowest, codes = choice.properties[name], found.codes[choice.rows]
    following = second_lowest(found.codes[rows], found.properties[name][rows], codes)
    far = far_below(lowest, following)
    if len(far):
        first = far[:SHOWN_EXAMPLES]
        after = [f" (next {value:g})" if np.isfinite(value) else "" for value in following[first]]
        shown = [f"{found.names[codes[at]]} {lowest[at]:g}{text}" for at, text in zip(first, after, strict=True)]
        log.warning(
            "%s: %d of the lowest values of '%s' lie more than %d robust standard deviations below the median of all "
            "(%g) or below the next entry of their composition: %s%s. They stay; if they are wrong, a filter of kind "
            "'range' drops them before the lowest is chosen.",
            *(job.dataset_id, len(far), name, FAR_BELOW, np.nanmedian(lowest), ", ".join(shown)),
            ", ..." if len(far) > len(shown) else "",
        )


def _warn_of_near_compositions(job: CurationJob, found: Entries, choice: Choice) -> None:
    """Warn of compositions that may be one, rounded in different ways."""
    codes = np.unique(found.codes[choice.rows])
    if near := near_compositions(found.names.take(pa.array(codes)).to_pylist()):
        log.warning(
            "%s: %s of %s compositions differ from another one of the same elements by less than %g at.%%, such as %s "
            "and %s. If they are one, rounded in different ways, write it in one way: as two they may be in training "
            "and test set.",
            *(job.dataset_id, f"{near.rows:,}", f"{len(codes):,}", 100 * NEAR, *near.example),
        )


def _frequent(reasons: pa.ChunkedArray) -> dict[str, int]:
    """Return the most frequent reasons with their counts."""
    return most_common({item["values"]: item["counts"] for item in pc.value_counts(reasons).to_pylist()})


def _without_structure(found: Entries) -> JsonObject:
    """Return what the report says of rows that stay without a structure; nothing if there are none."""
    counts = found.without_structure
    return {"without_structure": {"rows": counts.total(), "reasons": most_common(counts)}} if counts else {}


def _pick(
    found: Entries, chosen: np.ndarray, dropped: list[np.ndarray], spool: IO[bytes]
) -> tuple[pa.Table, list[pa.Table]]:
    """Read the entries once and take the rows that are needed.

    Args:
        found: The entries.
        chosen: Rows of the materials, in any order.
        dropped: Rows that each filter dropped, ascending.
        spool: Receives the structures of the chosen rows, in the order of the source.

    Returns:
        Texts of the chosen rows in the order of `chosen`, with `offset` and `size` of the structures in the spool;
        `row`, `entry_id` and `formula` of the dropped ones, by filter.
    """
    schema = read_schema(found.path)
    ascending = np.sort(chosen)
    texts = [field.name for field in schema if field.type == pa.string() and field.name != "composition"]
    structures = ["structure"] if "structure" in schema.names else []
    picked: list[pa.Table] = []
    lost: list[list[pa.Table]] = [[] for _ in dropped]
    start = 0
    for table in row_groups(found.path, [*_NAMED[:1], *texts, *structures]):
        for rows, tables in zip(dropped, lost, strict=True):
            tables.append(_rows_of(table.select(_NAMED), rows, start))
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


def _write_materials(job: CurationJob, found: Entries, choice: Choice, picked: pa.Table, spool: IO[bytes]) -> None:
    """Write the chosen rows, sorted by `material_id`; structures are read from the spool block by block."""
    compositions = found.names.take(pa.array(found.codes[choice.rows]))
    ids, order = compositions, np.arange(len(compositions))
    if job.dataset.keep.rule in {"structures", "all"}:
        ids = material_id.make_all(compositions, picked["entry_id"].combine_chunks())
        order = pc.array_sort_indices(ids).to_numpy()
        _check_distinct(job.dataset_id, ids.take(pa.array(order)))
    schema = materials_schema(job.dataset)
    computed = {
        "material_id": ids,
        "composition": compositions,
        "n_entries": pa.array(choice.n_entries, pa.int64()),
        **{name: pa.array(values, from_pandas=True) for name, values in choice.properties.items()},
    }
    names = [name for name in schema.names if name != "structure"]
    table = pa.table({name: computed[name] if name in computed else picked[name] for name in names})
    with parquet_stream(job.materials, schema) as append:
        for start in range(0, len(table), _BLOCK_ROWS):
            rows = pa.array(order[start : start + _BLOCK_ROWS])
            block = table.take(rows)
            if "offset" in picked.column_names:
                places = picked.select(["size", "offset"]).take(rows)
                codes = [
                    os.pread(spool.fileno(), size, at) if size else None
                    for size, at in zip(*places.to_pydict().values(), strict=True)
                ]
                block = block.append_column("structure", pa.array(codes, pa.binary()))
            append(block.cast(schema))


def _check_distinct(dataset_id: str, ids: pa.Array) -> None:
    """Raise if two of the sorted ids are equal."""
    same = pc.equal(ids[1:], ids[:-1])
    if pc.any(same).as_py():
        twice = ids[pc.index(same, value=True).as_py()].as_py()
        raise DataError(
            f"Dataset {dataset_id}: two entries would both be the material {twice!r}, since columns.entry_id does "
            "not distinguish them. Name a column whose values are unique, or remove the key to number the rows."
        )


def _write_rejected(job: CurationJob, found: Entries, dropped: list[Dropped], lost: list[pa.Table]) -> None:
    with parquet_stream(job.rejected, REJECTED) as append:
        for stage, table in found.rejected.items():
            append(_rejections(table, stage, table["reason"]))
        for (stage, reason, _), table in zip(dropped, lost, strict=True):
            append(_rejections(table, stage, pa.repeat(reason, len(table))))


def _rejections(table: pa.Table, stage: str, reasons: pa.Array) -> pa.Table:
    columns = [*(table[name] for name in _NAMED), pa.repeat(stage, len(table)), reasons]
    return pa.Table.from_arrays(columns, schema=REJECTED)


def _pick_one(found: Entries, row: int) -> dict[str, Any]:
    """Return `row`, `entry_id` and `formula` of one row of the entries."""
    nothing = np.empty(0, np.int64)
    with tempfile.TemporaryFile() as spool:
        picked, _ = _pick(found, np.array([row]), [nothing], spool)
    return picked.select(_NAMED).to_pylist()[0]


def _elements_of(compositions: pa.Array) -> set[str]:
    return {symbol for composition in compositions for symbol in amounts(composition.as_py())}


def _summary(values: np.ndarray, spec: Property) -> JsonObject:
    """Return what the report says about a property of the materials."""
    present = pd.Series(values).dropna()
    summary: JsonObject = {
        "unit": spec.unit,
        "values": len(present),
        "minimum": float(present.min()),
        "maximum": float(present.max()),
        "mean": float(present.mean()),
    }
    if spec.minimum is not None:
        summary["below_bound"] = int((present < spec.minimum).sum())
    return summary
