"""What a training job requests: memory and minutes, from the size of its data.

The constants are upper ends of what docs/results/performance.md and models.md measured. An estimate too low costs an
attempt: a job that ran out of memory comes back with more, the training of a network that ran out of time goes on from
its checkpoint, and other models come back with more time and keep their finished members and trials.
"""

import json
import math
from pathlib import Path

from elemflow.config.model import (
    BestOfModel,
    EstimatorModel,
    GridSearch,
    Model,
    NetworkModel,
    NetworkSearchModel,
    SearchModel,
)
from elemflow.config.protocol import Protocol, Training

UNKNOWN_MATERIALS = 50_000  # before a dataset is curated; dry-runs only
COLUMNS = {"ef": 86, "st": 126, "base": 156, "base_benchmark": 156}  # of the others: those of `pa`
COLUMNS_OF_PA = 145
COPIES_PER_MEMBER = 2  # parts and scaled parts, for each further member trained simultaneously
COPIES_OF_INPUTS = 8  # file, table, joined rows, parts, scaled parts, and those on the device
TREES = 200  # of a search, which may choose as many
BYTES_PER_ROW_AND_TREE = 150  # two nodes per row in a fully grown tree
MEMORY_STEP_MB = 500
MINUTES = (30, 1430)  # shortest and longest request, which the evaluation in the same submission makes a day


def count_materials(curation: str | Path) -> int:
    """Return how many materials a curated dataset has; a guess if it is not curated yet."""
    try:
        return int(json.loads(Path(curation).read_text(encoding="utf-8"))["materials"])
    except FileNotFoundError:
        return UNKNOWN_MATERIALS


def training_memory_mb(materials: int, representation: str, model: Model, protocol: Protocol) -> int:
    """Return the memory that a training job requests at its first attempt.

    Args:
        materials: Materials of the dataset.
        representation: Parts, such as `st+pa+ef`.
        model: The model.
        protocol: The protocol; its members may train at once, where there is a GPU.

    Returns:
        MB, rounded up: what the libraries take, the inputs as float32 in several copies, those of the other members of
        the members trained simultaneously, and the trees of a forest.
    """
    columns = sum(COLUMNS.get(part, COLUMNS_OF_PA) for part in representation.split("+"))
    needed = materials * columns * 4 * COPIES_OF_INPUTS / 1e6
    if isinstance(model, NetworkModel):
        needed += 2500 + (_parallel_members(protocol) - 1) * materials * columns * 4 * COPIES_PER_MEMBER / 1e6
    else:
        trees = model.parameters.get("n_estimators", TREES) if isinstance(model, EstimatorModel) else TREES
        needed += 1000 + materials * trees * BYTES_PER_ROW_AND_TREE / 1e6
    return -int(-needed // MEMORY_STEP_MB) * MEMORY_STEP_MB


def training_minutes(materials: int, model: Model, protocol: Protocol, attempt: int = 1) -> int:
    """Return the minutes that a training job requests, a day at most.

    Args:
        materials: Materials of the dataset.
        model: The model.
        protocol: The protocol.
        attempt: Number of the attempt. That of a network is as long at each, since it goes on where it was.
    """
    if isinstance(model, NetworkModel):
        milliseconds = 0.1 * _training(protocol).for_size(materials).max_epochs * _trials(model)  # per row on a GPU
        attempt = 1
    else:
        milliseconds = max(20 * _trials(model), 5 * _fits(model, protocol))
    needed = max(protocol.split.n_trainings * materials * milliseconds / 60_000, MINUTES[0])
    return int(min(needed * attempt, MINUTES[1]))


def _trials(model: Model) -> int:
    """Return how many models are tried per member, or `trials` of a search."""
    if isinstance(model, EstimatorModel):
        return model.search.trials if model.search else 1
    return model.trials if isinstance(model, BestOfModel | SearchModel | NetworkSearchModel) else 1


def _fits(model: Model, protocol: Protocol) -> int:
    """Return how often an estimator is fitted per member: at each point that is tried, in each inner fold."""
    if isinstance(model, BestOfModel):
        selecting: GridSearch | BestOfModel | None = model
        points = sum(_points(candidate, model.trials) for candidate in model.candidates.values())
    elif isinstance(model, EstimatorModel):
        selecting, points = model.search, _points(model)
    else:
        return _trials(model)
    if selecting is None:
        return 1
    inner = selecting.select_by == "inner_cv" or (selecting.select_by == "auto" and not protocol.split.has_validation)
    return points * selecting.folds + 1 if inner else points


def _points(model: EstimatorModel, trials: int | None = None) -> int:
    """Return how many points of its grid are tried.

    Args:
        model: The estimator.
        trials: Points drawn at random, in place of what it declares.
    """
    if model.search is None:
        return 1
    points = math.prod(len(values) for values in model.search.grid.values())
    return points if model.search.method == "grid" and trials is None else min(points, trials or model.search.trials)


def _training(protocol: Protocol) -> Training:
    """Return how networks are trained; the plan has no network under a protocol that does not say."""
    assert protocol.training is not None  # noqa: S101  checked with the runs
    return protocol.training


def _parallel_members(protocol: Protocol) -> int:
    """Return how many members of a network may train at once."""
    training, members = _training(protocol), protocol.split.n_trainings
    if training.engine == "tensorflow":
        return 1
    return members if training.parallel_members == "auto" else min(training.parallel_members, members)
