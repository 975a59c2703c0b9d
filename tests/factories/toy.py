"""A network of a few dozen weights and the protocol of its training."""

from typing import Any

from elemflow.config.yaml_schema import check

SPEC = {
    "family": "dense",
    "stacks": [{"width": 8, "layers": 2, "branches": [1, 1], "dropout": 0.2}, {"width": 4, "layers": 1}],
    "order": ["dense", "batch_norm", "activation"],
    "activation": {"name": "leaky_relu", "negative_slope": 0.3},
    "batch_norm": {"momentum": 0.9, "epsilon": 0.001},
    "shortcut": "layer",
}
PROTOCOL: dict[str, Any] = {
    "title": "toy",
    "split": {"scheme": "k_fold", "folds": 2, "seed": 0},
    "seed": 7,
    "training": {
        "optimizer": {"name": "adam", "learning_rate": 0.01},
        "batch_size": 16,
        "loss": "mae",
        "max_epochs": 6,
        "early_stopping": {"monitor": "validation", "patience": 100, "restore_best": True},
    },
}
check(PROTOCOL, "protocol", "toy")  # fills in the defaults
