"""What a plan will cost, before anything runs: trainings, processor hours and disk, from measured rates."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from elemflow.config.kinds import parts_of
from elemflow.config.load import Settings
from elemflow.config.model import (
    BestOfModel,
    EstimatorModel,
    Model,
    NetworkModel,
    NetworkSearchModel,
    OtherModel,
    SearchModel,
)
from elemflow.config.variations import MARK
from elemflow.core.declared import Declared
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_text
from elemflow.core.run import Run
from elemflow.plan.build import Plan
from elemflow.plan.resources import COLUMNS as WIDTHS
from elemflow.plan.resources import COLUMNS_OF_PA, UNKNOWN_MATERIALS
from elemflow.splits.schemes.base import Shares, SplitScheme

CURATED, PRINTED, GUESSED = "curated", "printed", "guessed"
NOT_MEASURED = "not measured on a GPU"
GIVEN_SHARES = Shares(0.8, 0.1, 0.1)  # a guess for predefined splits
FORWARD = 1 / 3  # of the operations of a training step
SECONDS_OF_A_JOB = 5.5  # of a processor, for next to nothing (docs/results/performance.md); a run is two jobs
BYTES_PER_PREDICTION = 30
BYTES_PER_NUMBER = 4
COLUMNS = (
    "name",
    "runs",
    "members",
    "networks",
    "cpu_hours_at_least",
    "cpu_hours_at_most",
    "gpu_hours",
    "disk_gb",
    "sizes",
)


@dataclass(frozen=True)
class Rate:
    """What one model costs on one thread of a CPU.

    Attributes:
        parameters: Number of parameters with 86 inputs; 0 for an estimator.
        ms_per_step: Milliseconds of a training step whatever its batch; 0 for an estimator.
        ms_per_row: Milliseconds per row of a step, or of one fit of an estimator.
    """

    parameters: int
    ms_per_step: float
    ms_per_row: float


def read_rates(path: str | Path) -> dict[str, Rate]:
    """Read `resources/rates.csv`; a network without times gets those of its number of parameters.

    Raises:
        DataError: A column is missing or a number cannot be read.
    """
    with Path(path).open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    try:
        timed = [line for line in lines if line["ms_per_step"]]
        per_step = median(float(line["ms_per_step"]) / int(line["parameters"]) for line in timed)
        per_row = median(float(line["ms_per_row"]) / int(line["parameters"]) for line in timed)
        return {line["model"]: _rate(line, per_step, per_row) for line in lines}
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{path}: needs the columns model, parameters, ms_per_step and ms_per_row with numbers ({error!r}). "
            "Measure them again: python benchmarks/bench_rates.py"
        ) from None


def _rate(line: Mapping[str, str], per_step: float, per_row: float) -> Rate:
    if not line["parameters"]:
        return Rate(0, 0.0, float(line["ms_per_row"]))
    parameters = int(line["parameters"])
    if not line["ms_per_step"]:
        return Rate(parameters, per_step * parameters, per_row * parameters)
    return Rate(parameters, float(line["ms_per_step"]), float(line["ms_per_row"]))


class CostedRun(Declared):
    """What the forecast reads of a run.

    Attributes:
        run: Its path.
        studies: Studies that use it.
        dataset: Its dataset.
        parts: Parts of its representation.
        model: Its model.
        network: Whether that is a network.
        fits: How often each estimator is fitted per member, and how many trials a search with Optuna has; empty for a
            network.
        members: Number of members.
        materials: Number of materials.
        sizes: How that is known.
        rows: How many materials train, validate and test a member.
        batch_size: Rows per step.
        epochs: Epochs at least and at most.
    """

    run: str
    studies: tuple[str, ...]
    dataset: str
    parts: tuple[str, ...]
    model: str
    network: bool
    fits: dict[str, float]
    members: int
    materials: int
    sizes: str
    rows: dict[str, int]
    batch_size: int
    epochs: tuple[int, int]


class Cost(NamedTuple):
    """CPU hours of a run, at least and at most, and the bytes that it leaves."""

    hours: tuple[float, float]
    size: float


def describe(settings: Settings, plan: Plan, results: Path) -> list[CostedRun]:
    """Return what the forecast reads of each run.

    Args:
        settings: Checked settings.
        plan: The plan.
        results: Folder of the results; datasets that are curated there have their true size.
    """
    printed = _printed_sizes(plan)
    return [_describe(settings, run, users, results, printed.get(run.path, 0)) for run, users in plan.runs.items()]


def _printed_sizes(plan: Plan) -> dict[str, int]:
    """Return the largest number of materials that a paper prints for a value of each run."""
    sizes: dict[str, int] = {}
    for item in plan.items:
        for cell in item.planned:
            if cell.published_line is not None and cell.published_size:
                sizes[cell.run] = max(sizes.get(cell.run, 0), cell.published_size)
    return sizes


def _describe(settings: Settings, run: Run, users: Sequence[str], results: Path, printed: int) -> CostedRun:
    model, protocol = settings.models[run.model], settings.protocol(run.protocol)
    model_id = run.model.partition(MARK)[0]  # a variation costs about what its file does
    materials, source = _count(settings, run, results, printed)
    rows = _rows(protocol.split, materials)
    network = isinstance(model, NetworkModel)
    trials = model.trials if isinstance(model, NetworkSearchModel) else 1
    training = protocol.training.for_size(rows["train"]) if protocol.training else None
    stopping, most = (training.early_stopping, training.max_epochs) if training else (None, 0)
    return CostedRun(
        run=run.path,
        studies=tuple(dict.fromkeys(user.split("/")[0] for user in users)),
        dataset=run.dataset,
        parts=tuple(parts_of(run.representation)),
        model=model_id,
        network=network,
        fits={} if network else _fits(model_id, model, protocol.split),
        members=protocol.split.n_trainings,
        materials=materials,
        sizes=source,
        rows=rows,
        batch_size=training.batch_size if training else 1,
        epochs=(trials * (min(stopping.patience + 1, most) if stopping else most), trials * most),
    )


def _fits(name: str, model: Model, split: SplitScheme) -> dict[str, float]:
    """Return how often each estimator is fitted per member, with inner folds where there is no validation set.

    A search with Optuna has a rate per trial: its forests are smaller than those of the estimators by themselves, and
    it leaves out what is slow on many rows.
    """
    if isinstance(model, SearchModel) and model.engine == "optuna":
        return {name: model.trials}
    if isinstance(model, SearchModel):
        return {estimator: model.trials / len(model.estimators) for estimator in model.estimators}
    if isinstance(model, BestOfModel):
        return dict.fromkeys(model.models, model.trials * (1 if split.has_validation else model.folds))
    if isinstance(model, OtherModel) and model.kind == "important_inputs":
        return {str(model.options["estimator"]): 2}
    search = model.search if isinstance(model, EstimatorModel) else None
    if search is None:
        return {name: 1}
    points = math.prod(map(len, search.grid.values()))
    tried = points if search.method == "grid" else min(points, search.trials)
    return {name: (1 if split.has_validation else search.folds) * tried}


def _count(settings: Settings, run: Run, results: Path, printed: int) -> tuple[int, str]:
    """Return how many materials a run has, and how that is known."""
    dataset, reductions = settings.datasets[run.dataset], settings.protocol(run.protocol).split.reductions
    curation = results / "datasets" / run.dataset / "curation.json"
    if curation.is_file():
        report, source = read_json(curation), CURATED
        found = report["properties"].get(run.property, {}).get("values", report["materials"])
    else:
        # A size that is printed for a learning curve counts the rows that train, not those that are there.
        of_dataset = max(dataset.published_size.values(), default=0)
        found = of_dataset if reductions.train_rows or not printed else printed
        source = PRINTED if found else GUESSED
    found = int(found) or UNKNOWN_MATERIALS
    return min(found, reductions.max_materials or found), source


def _rows(split: SplitScheme, materials: int) -> dict[str, int]:
    """Return how many materials train, validate and test a member."""
    shares = split.shares or GIVEN_SHARES
    rows = {role: round(share * materials) for role, share in shares._asdict().items()}
    return rows | {"train": min(rows["train"], split.reductions.train_rows or rows["train"])}


def cost_of(run: CostedRun, rates: Mapping[str, Rate]) -> Cost:
    """Return the CPU hours of a run, at least and at most, and the bytes that it leaves.

    A network stops between its patience and its `max_epochs`; validations count as forward passes over their rows. A
    model without a rate has the median one of networks, or the largest one of estimators.

    Args:
        run: One of `describe`.
        rates: See `read_rates`.
    """
    rows, rate = run.rows, Rate(0, 0.0, 0.0)
    if run.network:
        rate = rates.get(run.model) or _median([rate for rate in rates.values() if rate.parameters])
        steps = math.ceil(rows["train"] / run.batch_size)
        validated = rows["validation"] or rows["test"]
        epoch = steps * rate.ms_per_step + (rows["train"] + validated * FORWARD) * rate.ms_per_row
        milliseconds = [epoch * epochs for epochs in run.epochs]
    else:
        largest = max((rate.ms_per_row for rate in rates.values() if not rate.parameters), default=0.0)
        per_row = sum(n * (rates[name].ms_per_row if name in rates else largest) for name, n in run.fits.items())
        milliseconds = [rows["train"] * per_row] * 2
    predicted = (rows["validation"] + rows["test"]) * BYTES_PER_PREDICTION
    least, most = (run.members * value / 3.6e6 + 2 * SECONDS_OF_A_JOB / 3600 for value in milliseconds)
    return Cost((least, most), run.members * (rate.parameters * BYTES_PER_NUMBER + predicted))


def _median(rates: Sequence[Rate]) -> Rate:
    return Rate(
        int(median(rate.parameters for rate in rates)),
        median(rate.ms_per_step for rate in rates),
        median(rate.ms_per_row for rate in rates),
    )


def forecast(runs: Sequence[CostedRun], rates: Mapping[str, Rate]) -> list[list[str]]:
    """Return the forecast as a table: a header, a line per study, and one in all, where shared runs count once."""
    studies = dict.fromkeys(study for run in runs for study in run.studies)
    lines = [list(COLUMNS)]
    lines += [_line(study, [run for run in runs if study in run.studies], rates) for study in studies]
    return [*lines, _line("total", runs, rates)]


def _line(name: str, runs: Sequence[CostedRun], rates: Mapping[str, Rate]) -> list[str]:
    costs = [cost_of(run, rates) for run in runs]
    hours = [sum(cost.hours[end] for cost in costs) for end in (0, 1)]
    ordered = sorted(runs, key=lambda run: run.materials)
    inputs = {(run.dataset, part): run.materials for run in ordered for part in run.parts}
    stored = sum(rows * WIDTHS.get(part, COLUMNS_OF_PA) * BYTES_PER_NUMBER for (_, part), rows in inputs.items())
    sources = {run.dataset: run.sizes for run in runs}
    counts = [f"{list(sources.values()).count(source)} {source}" for source in (CURATED, PRINTED, GUESSED)]
    return [
        name,
        str(len(runs)),
        str(sum(run.members for run in runs)),
        str(sum(run.network for run in runs)),
        *(f"{value:.3g}" if value < 100 else f"{value:.0f}" for value in hours),  # noqa: PLR2004  digits of use
        NOT_MEASURED,
        f"{(stored + sum(cost.size for cost in costs)) / 1e9:.3g}",
        ", ".join(counts),
    ]


def write_forecast(lines: Iterable[Sequence[str]], path: str | Path) -> None:
    """Write the forecast as tab-separated text."""
    write_text(path, "".join("\t".join(line) + "\n" for line in lines))
