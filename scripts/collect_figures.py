"""Gather all figures in one folder: an index page with thumbnails and one csv of every number drawn."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.plan.items import PlannedFigure
from elemflow.provenance.environment import start_job
from elemflow.reporting.index import FigureFiles, write_figures_index

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    kinds = ("text", "csv", "svg", "png")
    files = zip(*(smk.input[kind] for kind in kinds), strict=True)
    planned = zip(smk.params.cfg["figures"], files, strict=True)
    figures = [
        FigureFiles(PlannedFigure.model_validate(cfg), dict(zip(kinds, paths, strict=True))) for cfg, paths in planned
    ]
    write_figures_index(Path(smk.output[0]), figures)


if __name__ == "__main__":
    main(snakemake)
