"""Write what the jobs cost, per rule and per study."""

from typing import TYPE_CHECKING

from elemflow.provenance.environment import start_job
from elemflow.reporting.costs import write_costs

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    # Found, not requested: as inputs, files that change with every start would make jobs of their own.
    folders = ("results/benchmarks", "results/runs", ".snakemake/log")
    write_costs(smk.params.cfg["studies"], *folders, csv=smk.output.csv, html=smk.output.html)


if __name__ == "__main__":
    main(snakemake)
