"""Compute one part of a representation for a share of the materials of one dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.features.store import featurize_chunk
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    cfg = smk.params.cfg
    featurize_chunk(
        cfg["part"],
        Path(smk.input.materials),
        Path(smk.output.features),
        Path(smk.output.rejected),
        chunk=cfg["chunk"],
        chunks=cfg["chunks"],
    )


if __name__ == "__main__":
    main(snakemake)
