"""Joint tables: the members' curated materials joined by composition, one column per target, empty where unknown.

A table has one row per canonical composition, sorted. `role` is `train` or `held_out`, by a hash of the composition;
the compositions of excluded datasets are not in it at all.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.config.base import Head
from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata, write_json, write_parquet
from elemflow.core.parquet import read_frame
from elemflow.multitask.seen import is_held_out
from elemflow.multitask.transforms import to_target
from elemflow.splits.leakage import compositions_of

TRAIN, HELD_OUT = "train", "held_out"
KEYS = ("material_id", "composition", "role")

log = logging.getLogger(__name__)


class Joint(NamedTuple):
    """Rows of a joint table.

    Attributes:
        composition: Canonical compositions (rows,).
        targets: Transformed values, NaN where there is none, float32 (rows, heads).
        heads: Ids of the heads, in the order of the columns.
        sources: Number of the dataset of each head, for sampling (heads,).
    """

    composition: np.ndarray
    targets: np.ndarray
    heads: tuple[str, ...]
    sources: tuple[str, ...]


class Evaluated(NamedTuple):
    """Materials that runs are evaluated on.

    Attributes:
        split: Split of the runs.
        materials: `materials.parquet` of their dataset.
        roles: Sets that are left out.
    """

    split: Path
    materials: Path
    roles: Sequence[str]


def write_joint(
    heads: Mapping[str, Head],
    materials: Mapping[str, Path],
    exclude: Sequence[str | Evaluated],
    held_out: float,
    output: Path,
    report: Path,
) -> None:
    """Write the joint table of some datasets.

    Args:
        heads: The targets by id.
        materials: `materials.parquet` by dataset, of the members and of the excluded datasets.
        exclude: What is left out: all compositions of a dataset, or those that runs are evaluated on.
        held_out: Fraction of the compositions that are held out.
        output: The table.
        report: JSON with the number of rows and labels, and of what was left out.

    Raises:
        DataError: A dataset has several materials of one composition, or lacks a property, or nothing is left.
    """
    columns: dict[str, pd.Series] = {}
    counts: dict[str, dict[str, int]] = {}
    for name, head in heads.items():
        columns[name], counts[name] = _target(head, materials[head.dataset])
    table = pd.concat(columns, axis=1, join="outer").sort_index()
    table = table[table.notna().any(axis=1)]
    excluded = table.index.isin(set[str]().union(*(_compositions(each, materials) for each in exclude)))
    table = table[~excluded]
    if table.empty:
        raise DataError(f"{output}: no composition is left; check the heads and 'exclude' of the base.")
    names = table.index.to_list()
    role = [HELD_OUT if is_held_out(name, held_out) else TRAIN for name in names]
    arrays = [pa.array(names, pa.string()), pa.array(names, pa.string()), pa.array(role, pa.string())]
    arrays += [pa.array(table[name].to_numpy(np.float32), pa.float32(), from_pandas=True) for name in heads]
    about = {"heads": list(heads), "sources": [head.dataset for head in heads.values()]}
    write_parquet(output, pa.Table.from_arrays(arrays, names=[*KEYS, *heads]), about)
    n_held, n_excluded = role.count(HELD_OUT), int(np.sum(excluded))
    write_json(report, {"compositions": len(names), "held_out": n_held, "excluded": n_excluded, "heads": counts})
    log.info("%d compositions, %d of them held out, %d excluded", len(names), n_held, n_excluded)


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        table = read_frame(path, columns)
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: {error}. Correct the property of the base's head.") from None
    return table.set_index("composition")


def _compositions(excluded: str | Evaluated, materials: Mapping[str, Path]) -> set[str]:
    """Return the compositions that are left out."""
    if isinstance(excluded, str):
        return set(_read(materials[excluded], ["composition"]).index)
    return set[str]().union(*compositions_of(*excluded).values())


def _target(head: Head, path: Path) -> tuple[pd.Series, dict[str, int]]:
    """Return the transformed values of a head by composition, and how many values were left out for which reason."""
    values = _read(path, ["composition", head.property])[head.property].dropna()
    if values.index.has_duplicates:
        twice = values.index[values.index.duplicated()][0]
        raise DataError(
            f"{path}: several materials of the composition {twice}, and a base needs one. Name a dataset that keeps "
            "one material per composition (keep: lowest, median or first)."
        )
    low = -np.inf if head.minimum is None else head.minimum
    high = np.inf if head.maximum is None else head.maximum
    inside = values[(values >= low) & (values <= high)]
    targets = pd.Series(to_target(inside.to_numpy(), head.transform), index=inside.index)
    kept = targets[np.isfinite(targets)]
    return kept, {"values": len(kept), "outside": len(values) - len(inside), "no_logarithm": len(inside) - len(kept)}


def read_joint(path: Path, role: str) -> Joint:
    """Return the rows of one role of a joint table."""
    about = read_metadata(path)
    table = read_frame(path, role=role)
    heads = tuple(about["heads"])
    targets = np.ascontiguousarray(table[list(heads)].to_numpy(np.float32))
    return Joint(table["composition"].to_numpy(dtype=object), targets, heads, tuple(about["sources"]))
