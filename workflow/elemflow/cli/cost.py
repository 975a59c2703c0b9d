"""`elemflow cost`: what planned runs will cost, and what finished ones did."""

import csv
from collections.abc import Sequence
from pathlib import Path

import click

from elemflow.cli.options import results_option

FORECAST = {
    "name": "name",
    "runs": "runs",
    "members": "members",
    "networks": "networks",
    "cpu_hours_at_least": "CPU hours from",
    "cpu_hours_at_most": "to",
    "disk_gb": "disk (GB)",
}
"""Columns of the forecast that fit into a terminal, and their heads; no GPU has been measured."""
MEASURED = {
    "name": "name",
    "jobs": "jobs",
    "hours": "hours",
    "cpu_hours": "CPU hours",
    "gpu_hours": "GPU hours",
    "peak_memory_mb": "peak memory (MB)",
}


@click.command()
@click.argument("studies", nargs=-1)
@click.option(
    "--configfile",
    "configfiles",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration over config/config.yaml, such as config/overlays/small.yaml.",
)
@results_option
def cost(*, studies: Sequence[str], configfiles: Sequence[Path], results: Path) -> None:
    """Print a forecast of CPU hours and disk for STUDIES, and what finished jobs took.

    \b
    elemflow cost brnet2023 irnet2021
    elemflow cost brnet2023 --configfile config/overlays/small.yaml

    Datasets that are curated have their true size; of others the printed one counts, or a guess. Without STUDIES those
    of the configuration are taken.
    """
    from elemflow.cli.project import load_workflow
    from elemflow.cli.terminal import aligned
    from elemflow.plan import forecast as plan
    from elemflow.plan.paths import RATES

    workflow = load_workflow(studies, configfiles)
    runs = plan.describe(workflow.settings, workflow.plan, results)
    header, *lines = plan.forecast(runs, plan.read_rates(workflow.shipped(RATES)))
    places = [header.index(name) for name in FORECAST]
    click.echo(aligned(list(FORECAST.values()), [[line[place] for place in places] for line in lines]))
    click.echo(f"\nsizes of the datasets: {lines[-1][header.index('sizes')]}; GPUs are not measured")
    measured = _measured(results / "plan/costs.csv")
    if measured:
        click.echo(f"\nmeasured in {results}:\n")
        click.echo(aligned(list(MEASURED.values()), measured))


def _measured(path: Path) -> list[list[str]]:
    """Return what the jobs of each study took, if the table of costs is built."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [[line[name] or "—" for name in MEASURED] for line in csv.DictReader(stream) if line["kind"] == "study"]
