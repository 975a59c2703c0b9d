"""Draw one figure of a study and write the numbers it shows."""

from typing import TYPE_CHECKING

from elemflow.logs import configure_logging
from elemflow.reporting.figures import plot_figure

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    plot_figure(smk.params.cfg, smk.input.runs, smk.input.curation, dict(smk.output.items()))


if __name__ == "__main__":
    main(snakemake)
