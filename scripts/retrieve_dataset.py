"""Fetch the raw files of one dataset, verify them and write their manifest."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.sources.retrieve import retrieve

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    # From the config and not from the parameters: data are the same from a mirror, and nothing need be done again.
    mirror = smk.config.get("mirror")
    retrieve(smk.wildcards.dataset, smk.params.cfg, Path(smk.output.manifest).parent, mirror)


if __name__ == "__main__":
    main(snakemake)
