"""Fit the second stage of stability for new compounds, of a hull and the energies of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.stability.trees import fit_second_stage

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    fit_second_stage(Path(smk.input.hull), Path(smk.input.table), Path(smk.output.trees))


if __name__ == "__main__":
    main(snakemake)
