"""Ids of materials: the composition, and the entry where a dataset has several materials of one composition.

Datasets with `keep: structures` and `keep: all` have several (`elemflow.curation.curate`). Materials of one composition
are alike, so that no statistic may count them as independent.
"""

import pyarrow as pa
import pyarrow.compute as pc

SEPARATOR = "#"


def make(composition: str, entry_id: str | None = None) -> str:
    """Return the id of a material.

    Args:
        composition: Its canonical formula.
        entry_id: Id of its entry, where the composition alone does not identify it.
    """
    return composition if entry_id is None else f"{composition}{SEPARATOR}{entry_id}"


def make_all(compositions: pa.Array, entry_ids: pa.Array) -> pa.Array:
    """Return what `make` returns, for arrays of the same length."""
    return pc.binary_join_element_wise(compositions, entry_ids, SEPARATOR)


def composition_of(material_id: str) -> str:
    """Return the composition of a material from its id."""
    return material_id.partition(SEPARATOR)[0]
