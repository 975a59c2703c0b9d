"""Write one table of a study in every format."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.run import Run
from elemflow.plan.items import PlannedTable
from elemflow.plan.paths import dataset_of
from elemflow.provenance.environment import start_job
from elemflow.reporting.tables.base import load_builder

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    metrics = {Run.of_folder(Path(path).parent).path: path for path in smk.input.metrics}
    curation = {dataset_of(path): path for path in smk.input.curation}
    table = PlannedTable.model_validate(smk.params.cfg)
    load_builder(table.kind).write(table, metrics, curation, dict(smk.output.items()))


if __name__ == "__main__":
    main(snakemake)
