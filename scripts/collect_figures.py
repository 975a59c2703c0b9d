"""Gather all figures in one folder: an index page with thumbnails and one csv of every drawn number."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.logs import configure_logging
from elemflow.reporting.index import write_figures_index

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    write_figures_index(Path(smk.output[0]), smk.params.cfg["figures"], smk.input)


if __name__ == "__main__":
    main(snakemake)
