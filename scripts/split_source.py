"""Divide the materials of a source dataset, without what the run to be pre-trained is judged by."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.splits.pretraining import FineTuned
from elemflow.splits.schemes.registry import read_split
from elemflow.splits.write import write_split

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    cfg = smk.params.cfg
    write_split(
        Path(smk.input.materials),
        cfg["property"],
        read_split(cfg["split"]),
        Path(smk.output.split),
        where=f"split of {smk.wildcards.dataset}/{smk.wildcards.property} by protocol {smk.wildcards.protocol}",
        fine_tuned=FineTuned(Path(smk.input.target_split), Path(smk.input.target_materials)),
    )


if __name__ == "__main__":
    main(snakemake)
