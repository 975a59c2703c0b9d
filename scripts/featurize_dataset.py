"""Compute one part of a representation for every material of one dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.features.registry import featurize_dataset
from elemflow.logs import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    featurize_dataset(
        smk.params.cfg["part"],
        Path(smk.input.materials),
        Path(smk.output.features),
        Path(smk.output.rejected),
    )


if __name__ == "__main__":
    main(snakemake)
