"""Divisions of source datasets, without the compositions that the run to be pre-trained is judged by."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from elemflow.core.files import write_parquet
from elemflow.splits.grouped import divide, draw_sample, member_rows
from elemflow.splits.leakage import JUDGED, compositions_of, reduced

log = logging.getLogger(__name__)


def write_source_split(
    materials: Path,
    property_id: str,
    split: Mapping[str, Any],
    output: Path,
    *,
    target_split: Path,
    target_materials: Path,
    where: str,
) -> None:
    """Divide the materials of a source dataset for every member of a target run.

    Of member m, all compositions in the validation and test parts of member m of the target's division are taken away
    first; what is left is sampled and divided as by the scheme `fractions`, in the same order for all members.

    Args:
        materials: Curated materials of the source dataset.
        property_id: Property that must have a value.
        split: The `split` section of the derived protocol; see `elemflow.config.pretraining`.
        output: Parquet as `elemflow.splits.grouped.write_split` writes it; its metadata say how many materials were
            `removed` from each member.
        target_split: Division of the target dataset.
        target_materials: Curated materials of the target dataset.
        where: How messages call this split.

    Raises:
        DataError: A part would be empty, or the target's division does not fit its materials.
    """
    table = pq.read_table(materials, columns=["material_id", "composition", property_id])
    table = table.filter(table[property_id].is_valid())
    compositions = reduced(table["composition"].to_pylist(), materials)
    table = table.set_column(1, "composition", pa.array(compositions, pa.string()))
    pieces, removed = [], {}
    for member, judged in compositions_of(target_split, target_materials, JUDGED).items():
        rest = table.filter(pa.array([composition not in judged for composition in compositions]))
        removed[str(member)] = table.num_rows - rest.num_rows
        log.info("member %d: %d of %d materials removed", member, removed[str(member)], table.num_rows)
        rest = draw_sample(rest, split)
        once = {**split, "scheme": "fractions", "members": 1, "divisions": 1, "members_per_fold": 1, "resplit": False}
        [roles] = divide(rest["composition"].to_pylist(), once)
        pieces.append(member_rows(rest, member, roles, split, where))
    notes = {"split": dict(split), "property": property_id, "removed": removed}
    write_parquet(output, pa.concat_tables(pieces), metadata=notes)
