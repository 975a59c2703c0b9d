"""Compute one part of a representation for the compositions of a joint table."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.features.store import featurize_chunk
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    featurize_chunk(smk.params.cfg["part"], Path(smk.input.joint), Path(smk.output.features), Path(smk.output.rejected))
    write_record(smk.output.record, smk.params, inputs=[smk.input.joint], outputs=[smk.output.features])


if __name__ == "__main__":
    main(snakemake)
