"""Write what to cite for the tables of one study."""

from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.reporting.bibliography import write_bibliography

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    write_bibliography(smk.params.cfg["keys"], smk.input.references, smk.output.bib)


if __name__ == "__main__":
    main(snakemake)
