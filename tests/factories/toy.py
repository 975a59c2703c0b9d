"""A network of a few dozen weights and the protocol of its training."""

from pathlib import Path
from typing import Any

from elemflow.config.protocol import Protocol
from elemflow.networks.families.registry import read_spec
from elemflow.networks.spec import NetworkSpec
from elemflow.training.engine import NetworkSettings

SPEC: dict[str, Any] = {
    "family": "dense",
    "stacks": [{"width": 8, "layers": 2, "branches": [1, 1], "dropout": 0.2}, {"width": 4, "layers": 1}],
    "order": ["dense", "batch_norm", "activation"],
    "activation": {"name": "leaky_relu", "negative_slope": 0.3},
    "batch_norm": {"momentum": 0.9, "epsilon": 0.001},
    "shortcut": "layer",
}
TRAINING: dict[str, Any] = {
    "optimizer": {"name": "adam", "learning_rate": 0.01},
    "batch_size": 16,
    "loss": "mae",
    "max_epochs": 6,
    "early_stopping": {"monitor": "validation", "patience": 100, "restore_best": True},
}
SEED = 7
PROTOCOL: dict[str, Any] = {
    "title": "toy",
    "split": {"scheme": "k_fold", "folds": 2, "seed": 0},
    "training": TRAINING,
    "seed": SEED,
    "clip_predictions": False,
}


def make_spec(spec: dict[str, Any] | NetworkSpec) -> NetworkSpec:
    """Return the typed declaration of a network."""
    return read_spec(spec)


def check_spec(spec: dict[str, Any], where: str) -> None:
    """Check a declaration of a network whose files have absolute paths."""
    make_spec(spec).check(where, Path())


def build(spec: dict[str, Any] | NetworkSpec, n_inputs: int, seed: int) -> Any:
    """Return the network of a declaration, for a backend that was started."""
    return make_spec(spec).build(n_inputs, seed)


def make_settings(evaluation: dict[str, Any] | None = None, **change: Any) -> NetworkSettings:
    """Return the settings of the toy protocol with some keys of `training` changed."""
    protocol = Protocol.model_validate(PROTOCOL | {"training": TRAINING | change, "evaluation": evaluation or {}})
    assert protocol.training is not None
    return NetworkSettings(protocol.training, protocol.evaluation, protocol.seed)
