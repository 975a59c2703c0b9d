"""`elemflow check`: whether Python, packages, configuration, models, data, disk, GPU and Slurm are as they must be."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from elemflow.cli.options import results_option
from elemflow.cli.terminal import folded
from elemflow.core.errors import ElemflowError

if TYPE_CHECKING:
    from elemflow.plan.workflow import Workflow

PYTHON = ((3, 11), (3, 14))
"""First version, and the first that is too new."""
LEAST_DISK_GB = 2.0
KEYS_OF_MATERIALS_PROJECT = ("MP_API_KEY", "PMG_MAPI_KEY")
SECONDS = 20
INDENT = 20
"""Characters before the text of a finding."""


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        subject: What was checked.
        text: What was found, and what to do if it is wrong.
        wrong: Whether something must be done.
    """

    subject: str
    text: str
    wrong: bool = False


@click.command()
@click.argument("studies", nargs=-1)
@results_option
def check(*, studies: Sequence[str], results: Path) -> None:
    """Check that this machine and project can build STUDIES; exit code 1 if something must be done.

    \b
    elemflow check
    elemflow check brnet2023 irnet2021
    """
    wrong = 0
    for finding in _findings(studies, results):
        wrong += finding.wrong
        click.echo(folded(f"{'!!' if finding.wrong else 'ok'}  {finding.subject:<14}  {finding.text}", INDENT))
    if wrong:
        click.echo(f"\n{wrong} to do.", err=True)
        raise click.exceptions.Exit(1)


def _findings(studies: Sequence[str], results: Path) -> Iterator[Finding]:
    """Yield what all checks find; a message of elemflow itself is a finding too."""
    from elemflow.cli.project import load_workflow

    yield _python()
    try:
        yield _packages()
    except ElemflowError as error:
        yield Finding("packages", str(error), True)
    try:
        workflow = load_workflow(studies)
        selected = ", ".join(workflow.settings.selected) or "none"
        yield Finding("configuration", f"{len(workflow.plan.runs):,} runs of the studies {selected}")
        yield _models(workflow)
        yield from _data(workflow)
        yield from _disk(workflow, results)
    except ElemflowError as error:
        yield Finding("configuration", str(error), True)
    yield _gpu()
    yield _slurm()


def _models(workflow: "Workflow") -> Finding:
    """Find out whether the libraries accept the parameters and grids of the estimators, on a few rows each."""
    from elemflow.config.model import BestOfModel, EstimatorModel
    from elemflow.estimators.values import check_values

    estimators: dict[str, EstimatorModel] = {}
    for name in sorted({run.model for run in workflow.plan.runs}):
        model = workflow.settings.models[name]
        if isinstance(model, EstimatorModel):
            estimators[name] = model
        elif isinstance(model, BestOfModel):
            estimators |= model.candidates
    try:
        for name, model in estimators.items():
            check_values(name, model)
    except ElemflowError as error:
        return Finding("models", str(error), True)
    if not estimators:
        return Finding("models", "networks alone, whose declarations are part of the configuration")
    which = f"{len(estimators)} estimator{'s' * (len(estimators) > 1)}"
    return Finding("models", f"parameters and grids of {which} are accepted by the libraries")


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    first, too_new = PYTHON
    wrong = not first <= sys.version_info[:2] < too_new
    return Finding("Python", f"{version}{'; elemflow needs 3.11 to 3.13' if wrong else ''}", wrong)


def _packages() -> Finding:
    """Return whether installed packages have their locked versions."""
    import importlib.metadata

    from elemflow.provenance.environment import LOCK, check_versions, locked_versions, normalised

    if not LOCK.is_file():
        return Finding("packages", f"no {LOCK}, so versions are not checked")
    check_versions()
    locked = locked_versions(LOCK.read_text(encoding="utf-8"))
    installed = {normalised(each.name): each.version for each in importlib.metadata.distributions()}
    other = [f"{name} {installed[name]} (locked {locked[name]})" for name in sorted(locked.keys() & installed.keys())
             if locked[name] != installed[name]]  # fmt: skip
    if other:
        return Finding("packages", f"other versions than the lock: {', '.join(other)}. Run make setup.", True)
    return Finding("packages", f"{len(locked.keys() & installed.keys())} as locked")


def _data(workflow: "Workflow") -> Iterator[Finding]:
    """Yield whether the raw files of all datasets are here, or where they come from."""
    from elemflow.plan.missing_tables import describe_missing
    from elemflow.plan.paths import MANIFEST

    settings = workflow.settings
    here, fetched = [], []
    for name in workflow.plan.datasets():
        dataset = settings.datasets[name]
        source = dataset.source
        if Path(MANIFEST.format(dataset=name)).is_file():
            here.append(name)
        elif path := dataset.local_file(settings.data_folder):
            if not Path(path).is_file():
                yield Finding("data", f"{name}: {describe_missing(path, joined=dataset.is_joined)}", True)
            else:
                here.append(name)
        elif source.kind == "shipped":
            here.append(name)
        else:
            fetched.append(f"{name} ({source.kind})")
            if source.kind == "materials_project" and not any(map(os.environ.get, KEYS_OF_MATERIALS_PROJECT)):
                key = KEYS_OF_MATERIALS_PROJECT[0]
                yield Finding("data", f"{name}: {key} is not set. Set it to your key of the Materials Project.", True)
    if here:
        yield Finding("data", f"here: {', '.join(here)}")
    if fetched:
        yield Finding("data", f"fetched when needed: {', '.join(fetched)}")


def _disk(workflow: "Workflow", results: Path) -> Iterator[Finding]:
    """Yield whether there is room for the results."""
    from elemflow.plan import forecast as plan
    from elemflow.plan.paths import RATES

    lines = plan.forecast(
        plan.describe(workflow.settings, workflow.plan, results), plan.read_rates(workflow.shipped(RATES))
    )
    needed = float(lines[-1][lines[0].index("disk_gb")]) + LEAST_DISK_GB
    place = next(path for path in (results.absolute(), *results.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free / 1e9
    text = f"{free:.0f} GB free in {place}, {needed:.1f} GB needed"
    yield Finding(
        "disk", f"{text}; make room, or link results to a larger disk" if free < needed else text, free < needed
    )
    if not os.access(place, os.W_OK):
        yield Finding("disk", f"{place} cannot be written to. Change its permissions.", True)


def _gpu() -> Finding:
    """Return whether a GPU is here and can be used."""
    devices = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    if not devices:
        return Finding("GPU", "none; the CPU trains networks")
    import jax

    found = [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    if found:
        return Finding("GPU", f"{', '.join(found)}; networks are trained there")
    advice = "jax cannot use it. Install its CUDA plugin of the same version, jax[cuda12], or go on with the CPU"
    return Finding("GPU", f"{', '.join(devices)}, but {advice}", True)


def _slurm() -> Finding:
    """Return whether Slurm is here and has the partitions of the profile."""
    import yaml

    sinfo = shutil.which("sinfo")
    if sinfo is None:
        return Finding("Slurm", "not on this machine; jobs run here")
    done = subprocess.run(  # noqa: S603  a program of the system
        [sinfo, "-h", "-o", "%R"], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        return Finding("Slurm", "sinfo is here, but no cluster answers it; jobs run on this machine")
    known = set(done.stdout.split())
    file = Path("slurm/partitions.yaml")
    named = set(yaml.safe_load(file.read_text(encoding="utf-8"))["partitions"]) if file.is_file() else set()
    if lacking := sorted(named - known):
        text = f"{file} names {', '.join(lacking)}; the partitions are {', '.join(sorted(known))}. Edit the file."
        return Finding("Slurm", text, True)
    return Finding("Slurm", f"partitions {', '.join(sorted(named))}")
