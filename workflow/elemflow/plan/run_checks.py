"""Whether the parts of a run fit each other, so that no run is trained for nothing."""

import math
import re
from collections.abc import Mapping
from functools import cache

from elemflow.config.dataset import Dataset
from elemflow.config.estimators import ESTIMATORS
from elemflow.config.kinds import FEATURES, PACKAGE, parts_of
from elemflow.config.model import BestOfModel, EstimatorModel, GridSearch, Model
from elemflow.config.protocol import Protocol
from elemflow.core.errors import ConfigError
from elemflow.core.run import Run

_NEEDS_STRUCTURE = re.compile(r"^NEEDS_STRUCTURE\s*=\s*True\b", re.MULTILINE)
SEEDED_IF: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ridge": ("solver", ("sag", "saga")),
    "lasso": ("selection", ("random",)),
    "elastic_net": ("selection", ("random",)),
}
"""Estimators that use their seed with some values of a parameter alone: the parameter and these values."""


def check_structures(run: Run, dataset: Dataset, where: str) -> None:
    """Check that a dataset has structures if the representation is computed from them.

    Raises:
        ConfigError: It has none.
    """
    if dataset.columns.structure:
        return
    needing = [part for part in parts_of(run.representation) if needs_structure(part)]
    if needing:
        raise ConfigError(
            f"{where}: representation '{run.representation}': part '{needing[0]}' is computed from crystal structures, "
            f"and dataset '{run.dataset}' declares none. Name their column under 'columns.structure', or use a "
            f"representation without '{needing[0]}'."
        )


@cache
def needs_structure(part: str) -> bool:
    """Return whether a part of a representation is computed from structures, without importing its module."""
    file = PACKAGE.parent.joinpath(*FEATURES[part].split(".")).with_suffix(".py")
    return _NEEDS_STRUCTURE.search(file.read_text(encoding="utf-8")) is not None


def check_members(run: Run, model: Model, protocol: Protocol, where: str) -> None:
    """Check that members that share a split differ, where they are to be an ensemble.

    Raises:
        ConfigError: The model is the same for every seed.
    """
    asked = [key for key in ("ensemble", "uncertainty") if getattr(protocol, key)]
    if asked and protocol.members_per_split > 1 and is_deterministic(model, protocol):
        searched = isinstance(model, BestOfModel) or (isinstance(model, EstimatorModel) and model.search)
        search = ", and its search tries the same hyperparameters on the same validation set" if searched else ""
        raise ConfigError(
            f"{where}: model '{run.model}' uses no random numbers{search}, so that all members of one "
            f"split are the same, and the key '{asked[0]}' of protocol '{run.protocol}' has nothing to combine. Use a "
            "protocol with one member per split, or a model with a seed, such as random_forest."
        )


def is_deterministic(model: Model, protocol: Protocol) -> bool:
    """Return whether members that share a split are surely the same, whatever their seeds.

    They have one training set and one validation set. With a search they are the same if it selects on that validation
    set and tries every point: inner folds follow the seed, and so do the points that a part of a grid has.
    """
    if isinstance(model, EstimatorModel):
        return not _is_seeded(model) and (
            model.search is None or (_selects_on_validation(model.search, protocol) and _tries_all(model.search))
        )
    if isinstance(model, BestOfModel):
        return _selects_on_validation(model, protocol) and all(
            not _is_seeded(each) and (each.search is None or _n_points(each.search) <= model.trials)
            for each in model.candidates.values()
        )
    return False


def _is_seeded(model: EstimatorModel) -> bool:
    """Return whether an estimator draws random numbers with its parameters, or at a point of its grid."""
    if ESTIMATORS[model.estimator].seed is None:
        return False
    if model.estimator not in SEEDED_IF:
        return True
    parameter, values = SEEDED_IF[model.estimator]
    points = model.search.grid.get(parameter, ()) if model.search else ()
    return any(value in values for value in (model.parameters.get(parameter), *points))


def _selects_on_validation(search: GridSearch | BestOfModel, protocol: Protocol) -> bool:
    """Return whether a search surely selects on the validation set, which all members of a split share."""
    if search.select_by != "auto":
        return search.select_by == "validation"
    # Whether a list or a column has validation rows, only the data say; intervals cannot do without.
    return protocol.split.has_validation and (protocol.uncertainty or not protocol.split.predefined)


def _n_points(search: GridSearch) -> int:
    """Return the number of points of a grid."""
    return math.prod(len(values) for values in search.grid.values())


def _tries_all(search: GridSearch) -> bool:
    """Return whether a search tries every point of its grid, in whatever order."""
    return search.method == "grid" or (search.method == "random" and search.trials >= _n_points(search))
