"""Fetch the raw files of one dataset, verify them and write their manifest."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.logs import configure_logging
from elemflow.sources.registry import retrieve

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    retrieve(smk.wildcards.dataset, smk.params.cfg, Path(smk.output.manifest).parent)


if __name__ == "__main__":
    main(snakemake)
