"""Join the chunks of one part of a representation."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.features.store import gather_chunks
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    gather_chunks(
        [Path(path) for path in smk.input.features],
        [Path(path) for path in smk.input.rejected],
        Path(smk.output.features),
        Path(smk.output.rejected),
    )
    write_record(
        smk.output.record,
        smk.params,
        inputs=[smk.input.materials],
        outputs=[smk.output.features],
        chunks=len(smk.input.features),
    )


if __name__ == "__main__":
    main(snakemake)
