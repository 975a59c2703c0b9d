"""Fit trees of stability for new compounds: of a hull, or of a hull and the energies of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.stability.trees import fit_hull_trees, fit_second_stage

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    hull, output = Path(smk.input.hull), Path(smk.output.trees)
    table = smk.input.get("table")
    if table:
        fit_second_stage(hull, Path(table), output)
    else:
        fit_hull_trees(hull, output)


if __name__ == "__main__":
    main(snakemake)
