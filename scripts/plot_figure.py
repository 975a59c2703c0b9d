"""Draw one figure of a study and write the numbers it shows and its caption."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.run import Run
from elemflow.plan.items import PlannedFigure
from elemflow.provenance.environment import start_job
from elemflow.reporting.figures.build import write_figure

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    folders = {Path(path).parent for path in smk.input.runs}
    runs = {Run.of_folder(folder).path: folder for folder in folders}
    curation = {Path(path).parent.name: path for path in smk.input.curation}
    # Dataset, property and protocol, wherever an executor has put the results.
    splits = {"/".join(Path(path).with_suffix("").parts[-3:]): path for path in smk.input.splits}
    write_figure(PlannedFigure.model_validate(smk.params.cfg), runs, curation, dict(smk.output.items()), splits)


if __name__ == "__main__":
    main(snakemake)
