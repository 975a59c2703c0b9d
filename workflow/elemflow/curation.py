"""Curation: from the rows of a database to one material per composition, with an account of every row.

The order is fixed. Formulas and numbers are read, unphysical entries are filtered, and only then one entry per
composition is chosen: a spurious total energy of -98 eV/atom would otherwise win as the ground state.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.composition import amounts, canonical_forms
from elemflow.errors import DataError, nearest
from elemflow.files import write_json, write_parquet
from elemflow.sources.registry import read_raw

log = logging.getLogger(__name__)

NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
"""Text that is a number; `inf`, `1,5` and `12(3)` are none."""

_ALWAYS_MISSING = {"", "nan"}
_KEYS = ("entry_id", "formula", "composition")


@dataclass(frozen=True)
class _Step:
    """Rows that a filter keeps, why it drops the others, and the limits it computed."""

    keep: np.ndarray
    reason: str
    limits: tuple[float, float] | None = None


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
    * `range` and `sigma` judge values, so rows without one pass; `has` asks for a value. Limits are inclusive.
    * `sigma` keeps mean ± n standard deviations (n - 1 in the denominator), computed once over the rows that reach it.
    * `keep: lowest` takes the row of the lowest value, the earliest of equal ones; a row without the value never
      wins against one with it. `keep: median` takes the median of each property and the `entry_id` of the first row.
    * The other rows of a composition are not rejected; `n_entries` counts all of them.

    Args:
        dataset_id: Name of the dataset.
        dataset: Its resolved config.
        raw_folder: Where the retrieve stage put the files.
        entries: Output; all rows whose formula was read, in the order of the source: `entry_id`, `formula`,
            `composition`, properties.
        materials: Output; one row per composition, sorted: `material_id`, `composition`, `entry_id`, `n_entries`,
            properties.
        rejected: Output; `entry_id`, `formula`, `stage`, `reason` of every dropped row, stage by stage.
        report: Output; the funnel as JSON.

    Raises:
        DataError: A column is missing, a number cannot be read, a property has no value, or no row is left.
    """
    rows, unreadable = _read_entries(dataset_id, dataset, Path(raw_folder))
    properties = dataset["properties"]
    units = {name: spec["unit"] for name, spec in properties.items()}

    forms, reasons = canonical_forms(rows["formula"])
    rows["composition"] = rows["formula"].map(forms)
    understood = rows["composition"].notna().to_numpy()
    dropped = [_rejections(rows[~understood], "formula", rows["formula"][~understood].map(reasons))]
    steps: list[dict[str, Any]] = [{"step": "rows read", "rows": len(rows)}]
    rows = rows[understood].reset_index(drop=True)
    steps.append({"step": "formula understood", "rows": len(rows), "dropped": int((~understood).sum())})
    _require_rows(rows, dataset_id, "has a formula that can be read", dropped)
    _require_values(rows, dataset_id, properties, unreadable)
    write_parquet(entries, _table(rows, (*_KEYS, *properties), units))

    for spec in dataset.get("filters") or []:
        step = _apply(spec, rows)
        name = " ".join(filter(None, (spec["kind"], spec.get("property"))))
        dropped.append(_rejections(rows[~step.keep], name, step.reason))
        rows = rows[step.keep]
        entry: dict[str, Any] = {"step": name, "rows": len(rows), "dropped": int((~step.keep).sum())}
        steps.append(entry | ({"limits": list(step.limits)} if step.limits else {}))
        _require_rows(rows, dataset_id, f"passes the filter {name!r}", dropped)

    chosen = _choose(rows, dataset["keep"], list(properties))
    steps.append({"step": "one per composition", "rows": len(chosen), "dropped": len(rows) - len(chosen)})
    _require_values(chosen, dataset_id, properties, unreadable)

    write_parquet(
        materials, _table(chosen, ("material_id", "composition", "entry_id", "n_entries", *properties), units)
    )
    write_parquet(rejected, _table(pd.concat(dropped), ("entry_id", "formula", "stage", "reason"), {}))
    write_json(
        report,
        {
            "dataset": dataset_id,
            "steps": steps,
            "entries": steps[1]["rows"],
            "materials": len(chosen),
            "elements": len({symbol for composition in chosen["composition"] for symbol in amounts(composition)}),
            "properties": {
                name: _summary(chosen[name], spec) | {"unreadable": unreadable[name]}
                for name, spec in properties.items()
            },
            "published_size": dict(dataset.get("published_size") or {}),
        },
    )
    log.info("%s: %s", dataset_id, ", ".join(f"{step['step']} {step['rows']}" for step in steps))


def _read_entries(dataset_id: str, dataset: Mapping[str, Any], raw_folder: Path) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return all rows with `entry_id`, `formula` and the properties as float64, and the unreadable cells of each."""
    columns, properties = dataset["columns"], dataset["properties"]
    unreadable = dict.fromkeys(properties, 0)
    parts: list[pd.DataFrame] = []
    done = 0
    for frame in read_raw(dataset_id, dataset, raw_folder):
        place = str(raw_folder / frame.attrs.get("file", ""))
        _require_columns(frame, dataset, place)
        ids = frame[columns["entry_id"]] if columns.get("entry_id") else pd.RangeIndex(done, done + len(frame))
        texts = {"entry_id": ids, "formula": frame[columns["formula"]]}
        # Arrays, not series: the index of a frame is not part of the contract of a source.
        part = pd.DataFrame({name: cells.astype(str).to_numpy(dtype=object) for name, cells in texts.items()})
        for name, spec in properties.items():
            part[name], bad = _parse_numbers(frame[spec["column"]], spec, place, done)
            unreadable[name] += bad
        parts.append(part)
        done += len(frame)
    if not done:
        raise DataError(f"Dataset {dataset_id}: the files in {raw_folder} hold no rows. Check the source.")
    return pd.concat(parts, ignore_index=True), unreadable


def _require_columns(frame: pd.DataFrame, dataset: Mapping[str, Any], place: str) -> None:
    wanted = {f"columns.{key}": name for key, name in dataset["columns"].items() if name is not None}
    wanted |= {f"properties.{key}.column": spec["column"] for key, spec in dataset["properties"].items()}
    present = [str(name) for name in frame.columns]
    for key, name in wanted.items():
        if name not in present:
            columns = f"Its columns are: {', '.join(present)}.{nearest(name, present)}"
            raise DataError(f"{place} has no column {name!r} ({key}). {columns} Correct the dataset's config.")


def _parse_numbers(cells: pd.Series, spec: Mapping[str, Any], place: str, done: int) -> tuple[np.ndarray, int]:
    """Return the cells as float64 with NaN where a value is missing, and how many were no numbers.

    Args:
        cells: One column of a chunk, as text or as numbers.
        spec: The property's config.
        place: The file, for messages.
        done: Rows read before this chunk.

    Raises:
        DataError: `parse` is strict and a cell is neither a number nor missing.
    """
    if pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(dtype=float, na_value=np.nan)
        bad = np.isinf(values)
    else:
        text = cells.astype(str).str.strip()
        missing = text.str.lower().isin(_ALWAYS_MISSING) | text.isin(spec.get("missing") or [])
        number = text.str.fullmatch(NUMBER) & ~missing
        values = np.full(len(text), np.nan)
        # Through Python's float, which rounds correctly; the parser of pandas may be off in the last digit.
        values[number] = [float(cell) for cell in text[number]]
        bad = (~number & ~missing).to_numpy() | np.isinf(values)
    if bad.any() and spec.get("parse", "strict") == "strict":
        first = int(np.argmax(bad))
        raise DataError(
            f"{place}, row {done + first} (counted from 0), column {spec['column']!r}: {cells.iloc[first]!r} is not a "
            "number. Correct it, add the text to the property's 'missing' list, or set 'parse: lenient' to count such "
            "cells as missing."
        )
    return np.where(bad, np.nan, values), int(bad.sum())


def _apply(spec: Mapping[str, Any], rows: pd.DataFrame) -> _Step:
    """Judge the rows by one filter of the config."""
    kind = spec["kind"]
    if kind in {"min_elements", "elements"}:
        return _judge_compositions(spec, rows["composition"])
    name = spec["property"]
    values = rows[name].to_numpy()
    if kind == "has":
        return _Step(~np.isnan(values), f"{name} is missing")
    if kind == "range":
        low, high = _bound(spec.get("minimum"), -np.inf), _bound(spec.get("maximum"), np.inf)
        reason = f"{name} is outside {low:g} to {high:g}"
        return _Step(np.isnan(values) | ((values >= low) & (values <= high)), reason)
    present = values[~np.isnan(values)]
    spread = float(np.std(present, ddof=1)) if len(present) > 1 else np.inf
    centre = float(np.mean(present)) if len(present) else 0.0
    low, high = centre - spec["n"] * spread, centre + spec["n"] * spread
    reason = f"{name} is outside {low:.6g} to {high:.6g} (mean ± {spec['n']:g} standard deviations)"
    limits = (low, high) if np.isfinite(spread) else None
    return _Step(np.isnan(values) | ((values >= low) & (values <= high)), reason, limits)


def _bound(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)


def _judge_compositions(spec: Mapping[str, Any], compositions: pd.Series) -> _Step:
    distinct = compositions.unique()
    if spec["kind"] == "min_elements":
        kept = {composition for composition in distinct if len(amounts(composition)) >= spec["n"]}
        reason = f"fewer than {spec['n']} elements"
    else:
        allowed = set(spec["allowed"])
        kept = {composition for composition in distinct if allowed.issuperset(amounts(composition))}
        reason = "holds an element that is not allowed"
    return _Step(compositions.isin(kept).to_numpy(), reason)


def _choose(rows: pd.DataFrame, keep: Mapping[str, Any], properties: list[str]) -> pd.DataFrame:
    """Return one row per composition, sorted by composition, with `material_id` and `n_entries`."""
    ordered = rows
    if keep["rule"] == "lowest":
        # A stable sort keeps equal energies in the order of the source.
        ordered = rows.sort_values(keep["property"], kind="stable", na_position="last")
    chosen = ordered.drop_duplicates("composition").set_index("composition").sort_index()
    groups = rows.groupby("composition", sort=True)
    chosen["n_entries"] = groups.size()
    if keep["rule"] == "median":
        chosen[properties] = groups[properties].median()
    return chosen.reset_index().assign(material_id=lambda frame: frame["composition"])


def _rejections(rows: pd.DataFrame, stage: str, reason: str | pd.Series) -> pd.DataFrame:
    return rows[["entry_id", "formula"]].assign(stage=stage, reason=reason)


def _require_rows(rows: pd.DataFrame, dataset_id: str, condition: str, dropped: list[pd.DataFrame]) -> None:
    if rows.empty:
        last = dropped[-1].iloc[0]
        raise DataError(
            f"Dataset {dataset_id}: no row {condition}. The first that was dropped is entry {last['entry_id']} "
            f"({last['formula']!r}): {last['reason']}. Check the columns and filters in the dataset's config."
        )


def _require_values(
    rows: pd.DataFrame, dataset_id: str, properties: Iterable[str], unreadable: Mapping[str, int]
) -> None:
    for name in properties:
        if rows[name].isna().all():
            raise DataError(
                f"Dataset {dataset_id}: property {name!r} has no value in any of {len(rows)} rows ({unreadable[name]} "
                f"cells were not numbers). Check properties.{name}.column, or remove the property."
            )


def _summary(values: pd.Series, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says about a property of the materials."""
    present = values.dropna()
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


def _table(rows: pd.DataFrame, names: tuple[str, ...], units: Mapping[str, str]) -> pa.Table:
    """Return the named columns as an Arrow table, with each property's unit in its field's metadata."""
    integers = {"n_entries"}
    fields = [
        pa.field(name, pa.float64(), metadata={"unit": units[name]})
        if name in units
        else pa.field(name, pa.int64() if name in integers else pa.string(), nullable=False)
        for name in names
    ]
    columns = [pa.array(rows[field.name], type=field.type, from_pandas=True) for field in fields]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))
