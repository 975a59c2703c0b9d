"""Split the materials of one dataset into training, validation and test sets."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
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
        listed=Path(smk.input.given[0]) if smk.input.given else None,
        fine_tuned=FineTuned(*map(Path, smk.input.fine_tuned)) if smk.input.fine_tuned else None,
    )
    inputs = [smk.input.materials, *smk.input.given, *smk.input.fine_tuned]
    write_record(smk.output.record, smk.params, inputs=inputs, outputs=[smk.output.split])


if __name__ == "__main__":
    main(snakemake)
