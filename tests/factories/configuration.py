"""Configurations with a mistake, and the message that refuses them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from elemflow.config.dataset import Dataset
from elemflow.config.load import Settings, load
from elemflow.config.model import read_model
from elemflow.config.protocol import Protocol
from elemflow.config.study import read_study
from elemflow.config.variations import WithVariations
from elemflow.core.errors import ConfigError

DATASET: dict[str, Any] = {
    "title": "D",
    "source": {"kind": "table", "path": "d.csv"},
    "columns": {"formula": "f"},
    "properties": {},
    "keep": {"rule": "first"},
}
NETWORK: dict[str, Any] = {
    "title": "Network",
    "kind": "network",
    "spec": {
        "family": "dense",
        "stacks": [{"width": 8, "layers": 1}],
        "order": ["dense", "activation"],
        "activation": {"name": "relu"},
        "shortcut": "none",
    },
}
FRACTIONS: dict[str, Any] = {"scheme": "fractions", "train": 0.8, "validation": 0.1, "test": 0.1, "seed": 1}
TRAINING: dict[str, Any] = {
    "optimizer": {"name": "adam", "learning_rate": 0.001},
    "batch_size": 32,
    "loss": "mae",
    "max_epochs": 3000,
    "early_stopping": None,
}
PROTOCOL: dict[str, Any] = {"title": "P", "split": FRACTIONS, "training": TRAINING}


def make_protocol(
    split: Mapping[str, Any] | None = None, training: Mapping[str, Any] | None = None, **keys: Any
) -> Protocol:
    """Return a protocol with some keys of its sections changed; another scheme has keys of its own."""
    own = dict(split or {})
    whole = own if own.get("scheme", "fractions") != "fractions" else FRACTIONS | own
    return Protocol.read(PROTOCOL | {"split": whole, "training": TRAINING | dict(training or {})} | keys)


@dataclass
class PlainSettings:
    """Declarations that a test may change before they are parsed; all studies are selected."""

    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    protocols: dict[str, dict[str, Any]] = field(default_factory=dict)
    studies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def typed(self) -> Settings:
        """Return the settings; nothing can be varied."""

        def vary(name: str) -> Any:
            raise KeyError(name)

        models = {name: read_model(declared) for name, declared in self.models.items()}
        protocols = {name: Protocol.read(declared) for name, declared in self.protocols.items()}
        return Settings(
            selected=tuple(self.studies),
            datasets={name: Dataset.read(declared) for name, declared in self.datasets.items()},
            models=WithVariations(models, vary, {}, self.models),
            protocols=WithVariations(protocols, vary, {}, self.protocols),
            studies={name: read_study(declared, name) for name, declared in self.studies.items()},
        )


CONFIG = {"studies": ["brnet2023"]}


def edit(project, file, change):
    path = project / "config" / file
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def refusal(project, config=None, files=()):
    with pytest.raises(ConfigError) as caught:
        load(config or CONFIG, project, files)
    return str(caught.value)
