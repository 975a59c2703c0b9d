"""A network of a few dozen weights and the protocol of its training."""

from typing import Any

from pydantic import TypeAdapter

from elemflow.config.model import NetworkSpec
from elemflow.config.protocol import Protocol
from elemflow.networks.build import build_network
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
    return TypeAdapter(NetworkSpec).validate_python(spec)


def build(spec: dict[str, Any] | NetworkSpec, n_inputs: int, seed: int) -> Any:
    """Return the network of a declaration, for a backend that was started."""
    return build_network(make_spec(spec), n_inputs, seed)


def make_settings(evaluation: dict[str, Any] | None = None, **change: Any) -> NetworkSettings:
    """Return the settings of the toy protocol with some keys of `training` changed."""
    protocol = Protocol.model_validate(PROTOCOL | {"training": TRAINING | change, "evaluation": evaluation or {}})
    assert protocol.training is not None
    return NetworkSettings(protocol.training, protocol.evaluation, protocol.seed)
