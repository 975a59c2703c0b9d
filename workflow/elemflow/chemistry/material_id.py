"""What the id of a material says: `material_id` begins with its composition.

Where a dataset keeps several entries of a composition, as `keep: structures` and `keep: all` do, `#` and the entry
stand behind it (`elemflow.curation.curate`). Such materials are alike, so that no statistic may count them as
independent.
"""


def composition_of(material_id: str) -> str:
    """Return the composition that a `material_id` begins with."""
    return material_id.partition("#")[0]
