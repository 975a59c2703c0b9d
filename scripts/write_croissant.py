"""Describe one curated dataset in Croissant, for machines."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.files import write_json
from elemflow.provenance.environment import start_job
from elemflow.reporting.croissant import DatasetFiles, describe

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    files = DatasetFiles(
        about=Path(smk.input.about),
        funnel=Path(smk.input.funnel),
        materials=Path(smk.input.materials),
        manifest=Path(smk.input.manifest),
        references=[Path(path) for path in smk.input.references],
    )
    write_json(smk.output.croissant, describe(smk.wildcards.dataset, files, smk.params.cfg["titles"]))


if __name__ == "__main__":
    main(snakemake)
