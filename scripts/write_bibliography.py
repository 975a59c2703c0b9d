"""Write what to cite for the tables of one study."""

from typing import TYPE_CHECKING

from elemflow.core.logs import configure_logging
from elemflow.reporting.bibliography import write_bibliography

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    write_bibliography(smk.params.cfg["keys"], smk.input.references, smk.output.bib)


if __name__ == "__main__":
    main(snakemake)
