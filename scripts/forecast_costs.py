"""Forecast what the planned runs will cost."""

from typing import TYPE_CHECKING

from elemflow.plan.forecast import CostedRun, forecast, read_rates, write_forecast
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    runs = [CostedRun.model_validate(run) for run in smk.params.cfg["runs"]]
    write_forecast(forecast(runs, read_rates(smk.input.rates)), smk.output.tsv)


if __name__ == "__main__":
    main(snakemake)
