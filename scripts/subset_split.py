"""Divide the materials of one dataset into parts, with fewer materials to train on."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.splits.reduced_training import write_subset_split

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    cfg = smk.params.cfg
    write_subset_split(
        Path(smk.input.materials),
        cfg["property"],
        cfg["split"],
        Path(smk.output.split),
        members_per_division=cfg["members_per_division"],
        where=f"split of {smk.wildcards.dataset}/{smk.wildcards.property} by protocol {smk.wildcards.protocol}",
    )


if __name__ == "__main__":
    main(snakemake)
