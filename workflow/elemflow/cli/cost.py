"""`elemflow cost`: what planned runs will cost, and what finished ones did."""

import csv
from collections.abc import Sequence
from pathlib import Path

import click

from elemflow.cli.options import results_option

MEASURED = ("name", "jobs", "hours", "cpu_hours", "gpu_hours", "peak_memory_mb")


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
    click.echo(aligned([name.replace("_", " ") for name in header], lines))
    measured = _measured(results / "plan/costs.csv")
    if measured:
        click.echo(f"\nmeasured in {results}:\n")
        click.echo(aligned([name.replace("_", " ") for name in MEASURED], measured))


def _measured(path: Path) -> list[list[str]]:
    """Return what the jobs of each study took, if the table of costs is built."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [[line[name] or "—" for name in MEASURED] for line in csv.DictReader(stream) if line["kind"] == "study"]
