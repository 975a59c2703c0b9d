"""What the dataset of a run says about compositions that are predicted: their value, and the set they are in."""

from pathlib import Path

from elemflow.core.parquet import read_frame

DEPTH = 6
"""Folders from a run up to the results."""


def known_values(run: Path) -> dict[str, tuple[float, str]]:
    """Return the value of each composition in the dataset of a run and its role for the first member.

    Of a composition with several materials, such as polymorphs, these are the median and all roles.

    Args:
        run: Folder of the run, below the results. Without them, as for an exported file, nothing is known.
    """
    parts = run.absolute().parts
    if run.is_file() or len(parts) <= DEPTH:
        return {}
    results, (dataset, property_id, _, _, protocol) = Path(*parts[:-DEPTH]), parts[-5:]
    materials = results / f"datasets/{dataset}/materials.parquet"
    split = results / f"splits/{dataset}/{property_id}/{protocol}.parquet"
    if not (materials.exists() and split.exists()):
        return {}
    rows = read_frame(split, ["material_id", "member", "role"]).query("member == 0")[["material_id", "role"]]
    rows = rows.merge(read_frame(materials, ["material_id", "composition", property_id]), on="material_id")
    several = rows["composition"].duplicated(keep=False)
    found = rows[~several][["role", "composition", property_id]].itertuples(index=False)
    known = {composition: (value, str(role)) for role, composition, value in found}
    for composition, group in rows[several].groupby("composition", sort=False):
        roles = sorted({str(role) for role in group["role"]})
        known[str(composition)] = (float(group[property_id].median()), ", ".join(roles))
    return known
