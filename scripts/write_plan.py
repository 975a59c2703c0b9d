"""Write the plan of all runs as a table for people."""

from typing import TYPE_CHECKING

from elemflow.core.files import write_text
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    lines = ["\t".join(row) for row in smk.params.cfg["rows"]]
    write_text(smk.output.runs, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(snakemake)
