"""Add finished runs of the papers at full scale to the record."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.provenance.environment import start_job
from elemflow.record.evidence import FOLDER
from elemflow.record.update import update

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    runs = [Run.parse(run) for run in smk.params.cfg["runs"]]
    update(Path(paths.RESULTS), runs, FOLDER.parents[1], Path(smk.output.csv))


if __name__ == "__main__":
    main(snakemake)
