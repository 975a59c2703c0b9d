"""Divide the materials of a source dataset, without what the run to be pre-trained is judged by."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.splits.pretraining import write_source_split

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    cfg = smk.params.cfg
    where = f"split of {smk.wildcards.dataset}/{smk.wildcards.property} by protocol {smk.wildcards.protocol}"
    write_source_split(
        Path(smk.input.materials),
        cfg["property"],
        cfg["split"],
        Path(smk.output.split),
        target_split=Path(smk.input.target_split),
        target_materials=Path(smk.input.target_materials),
        where=where,
    )


if __name__ == "__main__":
    main(snakemake)
