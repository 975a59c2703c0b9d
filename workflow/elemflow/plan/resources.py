"""What a training job requests: memory and minutes, from the size of its data.

The constants are upper ends of what docs/results/performance.md measured. An estimate too low costs an attempt and
nothing else: a job that ran out of memory comes back with more, one that ran out of time goes on from its checkpoint.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.config.size_dependent import settle

UNKNOWN_MATERIALS = 50_000  # before a dataset is curated; dry-runs only
COLUMNS = {"ef": 86, "st": 126}  # of the others: those of `pa`
COLUMNS_OF_PA = 145
COPIES_PER_MEMBER = 2  # parts and scaled parts, for each further member trained simultaneously
COPIES_OF_INPUTS = 8  # file, table, joined rows, parts, scaled parts, and those on the device
TREES = 200  # of a search, which may choose as many
BYTES_PER_ROW_AND_TREE = 150  # two nodes per row in a fully grown tree
MEMORY_STEP_MB = 500
# Of a split; their product is the number of trainings.
MEMBER_KEYS = ("members", "splits", "folds", "members_per_fold", "repeats")
MINUTES = (30, 1440)  # shortest and longest request


def count_materials(curation: str | Path) -> int:
    """Return how many materials a curated dataset has; a guess if it is not curated yet."""
    try:
        return int(json.loads(Path(curation).read_text(encoding="utf-8"))["materials"])
    except FileNotFoundError:
        return UNKNOWN_MATERIALS


def training_memory_mb(
    materials: int, representation: str, model: Mapping[str, Any], protocol: Mapping[str, Any]
) -> int:
    """Return the memory that a training job requests at its first attempt.

    Args:
        materials: Materials of the dataset.
        representation: Parts, such as `st+pa+ef`.
        model: The declared model.
        protocol: The declared protocol; its members may train at once, where there is a GPU.

    Returns:
        MB, rounded up: what the libraries take, the inputs as float32 in several copies, those of the other members of
        the members trained simultaneously, and the trees of a forest.
    """
    columns = sum(COLUMNS.get(part, COLUMNS_OF_PA) for part in representation.split("+"))
    needed = materials * columns * 4 * COPIES_OF_INPUTS / 1e6
    if model["kind"] == "network":
        needed += 2500 + (_parallel_members(protocol) - 1) * materials * columns * 4 * COPIES_PER_MEMBER / 1e6
    else:
        trees = model.get("parameters", {}).get("n_estimators", TREES)
        needed += 1000 + materials * trees * BYTES_PER_ROW_AND_TREE / 1e6
    return -int(-needed // MEMORY_STEP_MB) * MEMORY_STEP_MB


def training_minutes(materials: int, model: Mapping[str, Any], protocol: Mapping[str, Any]) -> int:
    """Return the minutes that a training job requests at each attempt, a day at most.

    Args:
        materials: Materials of the dataset.
        model: The declared model.
        protocol: The declared protocol.
    """
    members = _members(protocol)
    if model["kind"] == "network":
        training = settle({"model": model, "protocol": protocol}, materials)["protocol"]["training"]
        milliseconds = 0.1 * training["max_epochs"]  # per row on a GPU
    else:
        milliseconds = 20 * (model.get("search") or model).get("trials", 1)
    return int(min(max(members * materials * milliseconds / 60_000, MINUTES[0]), MINUTES[1]))


def _members(protocol: Mapping[str, Any]) -> int:
    return math.prod(protocol["split"].get(key) or 1 for key in MEMBER_KEYS)


def _parallel_members(protocol: Mapping[str, Any]) -> int:
    """Return how many members of a network may train at once."""
    training, members = protocol["training"], _members(protocol)
    if training["engine"] == "tensorflow":
        return 1
    return members if training["parallel_members"] == "auto" else min(training["parallel_members"], members)
