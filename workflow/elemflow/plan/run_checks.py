"""Whether the parts of a run fit each other, so that no run is trained for nothing."""

import re
from collections.abc import Mapping
from functools import cache

from elemflow.config.dataset import Dataset
from elemflow.config.estimators import ESTIMATORS
from elemflow.config.kinds import FEATURES, PACKAGE, parts_of
from elemflow.config.model import EstimatorModel, Model
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
    if asked and protocol.members_per_split > 1 and is_deterministic(model):
        raise ConfigError(
            f"{where}: model '{run.model}' uses no random numbers, so that all members of one "
            f"split are the same, and the key '{asked[0]}' of protocol '{run.protocol}' has nothing to combine. Use a "
            "protocol with one member per split, or a model with a seed, such as random_forest."
        )


def is_deterministic(model: Model) -> bool:
    """Return whether a model is surely the same for every seed; the folds of a search follow the seed."""
    if not isinstance(model, EstimatorModel) or model.search is not None:
        return False
    if ESTIMATORS[model.estimator].seed is None:
        return True
    parameter, values = SEEDED_IF.get(model.estimator, ("", ()))
    return model.estimator in SEEDED_IF and model.parameters.get(parameter) not in values
