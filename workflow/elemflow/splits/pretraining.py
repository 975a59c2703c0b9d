"""Splits for pre-training exclude the validation and test compositions of the fine-tuned run."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from elemflow.core.roles import EVALUATION_ROLES
from elemflow.splits.leakage import compositions_of, reduced

log = logging.getLogger(__name__)


class FineTuned(NamedTuple):
    """Files of a run that is fine-tuned.

    Attributes:
        split: Its split.
        materials: `materials.parquet` of its dataset.
    """

    split: Path
    materials: Path


def with_reduced_compositions(table: pa.Table, where: Path) -> pa.Table:
    """Return materials with their compositions in canonical reduced form.

    Args:
        table: Materials with `material_id` and `composition`, the first two columns.
        where: Their file, for the message.

    Raises:
        DataError: A composition is no formula.
    """
    compositions = reduced(table["composition"].to_pylist(), where)
    return table.set_column(1, "composition", pa.array(compositions, pa.string()))


def exclude_evaluated(table: pa.Table, fine_tuned: FineTuned) -> Iterator[tuple[int, pa.Table]]:
    """Yield each member of the fine-tuned run, and the materials without the compositions it is evaluated on.

    Args:
        table: Materials of the pre-training dataset with reduced compositions.
        fine_tuned: Files of the fine-tuned run.

    Raises:
        DataError: The split of the fine-tuned run does not fit its materials.
    """
    compositions = table["composition"].to_pylist()
    for member, evaluated in compositions_of(*fine_tuned, EVALUATION_ROLES).items():
        rest = table.filter(pa.array([composition not in evaluated for composition in compositions]))
        log.info("member %d: %d of %d materials removed", member, table.num_rows - rest.num_rows, table.num_rows)
        yield member, rest
