"""Curate the raw entries of one dataset to materials, with every dropped row and its reason."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.config.dataset import Dataset
from elemflow.core.content import write_record
from elemflow.curation.curate import curate
from elemflow.curation.job import CurationJob
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    curate(
        CurationJob(
            dataset_id=smk.wildcards.dataset,
            dataset=Dataset.model_validate(smk.params.cfg),
            raw_folder=Path(smk.input.manifest).parent,
            entries=Path(smk.output.entries),
            materials=Path(smk.output.materials),
            rejected=Path(smk.output.rejected),
            report=Path(smk.output.funnel),
        )
    )
    write_record(smk.output.record, smk.params, inputs=[smk.input.manifest], outputs=[smk.output.materials])


if __name__ == "__main__":
    main(snakemake)
