"""A dataset curated in a temporary folder, to see what becomes of its rows."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import pandas as pd

from elemflow.chemistry.crystal import COLUMN as STRUCTURE
from elemflow.config.dataset import Dataset
from elemflow.core.files import JsonObject, read_json
from elemflow.core.parquet import read_frame, read_schema
from elemflow.curation.curate import curate
from elemflow.curation.job import CurationJob
from elemflow.curation.outliers import MAD
from elemflow.sources.retrieve import retrieve, source_options

REJECTED_SHOWN = 5
EXTREME_SHOWN = 3
_NO_LONGER_THERE = re.compile(r" All are in \S+\.")
"""What warnings say of files of the temporary folder."""


@dataclass(frozen=True)
class DryRun:
    """What became of the rows.

    Attributes:
        report: Content of `curation.json`.
        materials: `materials.parquet` without structures.
        rejected: First rejected rows: `row`, `entry_id` if the source has ids, `formula`, `stage`, `reason`.
        extreme: Materials farthest from the median: `property`, `composition`, `entry_id` or `row`, `value`,
            `deviations`, the distance in robust standard deviations.
        warnings: What the curation warned of.
    """

    report: JsonObject
    materials: pd.DataFrame
    rejected: pd.DataFrame
    extreme: pd.DataFrame
    warnings: list[str]


def curate_dry(dataset_id: str, dataset: Dataset) -> DryRun:
    """Curate a dataset with a local source, and leave nothing behind.

    Args:
        dataset_id: Name of the dataset.
        dataset: The dataset; a path in its source is as it can be opened.

    Raises:
        DataError: See `elemflow.curation.curate.curate`.
    """
    with TemporaryDirectory(prefix="elemflow-") as name, _Warnings() as warnings:
        folder = Path(name)
        retrieve(dataset_id, dataset.source, folder / "raw")
        files = {key: folder / f"{key}.parquet" for key in ("entries", "materials", "rejected")}
        curate(CurationJob(dataset_id, dataset, folder / "raw", **files, report=folder / "curation.json"))
        names = [name for name in read_schema(files["materials"]).names if name != STRUCTURE]
        materials = read_frame(files["materials"], names)
        rejected = read_frame(files["rejected"]).head(REJECTED_SHOWN)
        if named := dataset.columns.entry_id is not None:
            extreme = materials[["composition", "entry_id", *dataset.properties]]
        else:
            rows = materials["entry_id"].astype(int) + 1  # ids that are numbers of rows count from 0
            extreme = materials[["composition", *dataset.properties]]
            extreme.insert(1, "row", rows)
        return DryRun(
            report=read_json(folder / "curation.json"),
            materials=materials,
            rejected=rejected if named else rejected.drop(columns="entry_id"),
            extreme=extreme_rows(extreme),
            warnings=list(warnings.messages),
        )


def is_local(dataset_id: str, dataset: Dataset) -> bool:
    """Return whether the source of a dataset needs no server."""
    return source_options(dataset_id, dataset.source).is_local


def extreme_rows(materials: pd.DataFrame) -> pd.DataFrame:
    """Return the materials whose values are farthest from the median, `EXTREME_SHOWN` per property.

    Args:
        materials: `composition`, `entry_id` or `row`, and a column per property.
    """
    found, place = [], materials.columns[1]
    for name in materials.columns[2:]:
        values = materials[name].astype(float)
        distance = (values - values.median()).abs()
        spread = MAD * distance.median()
        deviations = distance / spread if spread > 0 else np.where(distance > 0, np.inf, 0.0)
        rows = materials.assign(property=name, value=values, deviations=deviations)
        rows = rows[rows["value"].notna()].sort_values("deviations", ascending=False, kind="stable")
        found.append(rows.head(EXTREME_SHOWN)[["property", "composition", place, "value", "deviations"]])
    return pd.concat(found, ignore_index=True)


class _Warnings(logging.Handler):
    """Collects the warnings of elemflow while the block runs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.messages.append(_NO_LONGER_THERE.sub("", record.getMessage()))

    def __enter__(self) -> Self:
        logger = logging.getLogger("elemflow")
        logger.addHandler(self)
        self._propagated, logger.propagate = logger.propagate, False
        return self

    def __exit__(self, *_: object) -> None:
        logger = logging.getLogger("elemflow")
        logger.removeHandler(self)
        logger.propagate = self._propagated
