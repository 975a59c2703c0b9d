"""Fit trees of a hull, which decide new compounds without a network."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.stability.trees import fit_hull_trees

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    fit_hull_trees(Path(smk.input.hull), Path(smk.output.trees))


if __name__ == "__main__":
    main(snakemake)
