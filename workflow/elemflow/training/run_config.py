"""What a training depends on: the run, its property, its model and its protocol, as one typed object."""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from elemflow.config.dataset import Property
from elemflow.config.model import Model, NetworkModel, read_model
from elemflow.config.protocol import Protocol
from elemflow.core.errors import ConfigError
from elemflow.core.run import Run
from elemflow.training.engine import NetworkSettings


@dataclass(frozen=True)
class RunConfig:
    """What a run depends on besides its input files.

    Attributes:
        run: The five ids of the run.
        property: Unit and lower bound of the property.
        model: The model.
        protocol: The protocol.
    """

    run: Run
    property: Property
    model: Model
    protocol: Protocol

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Return the configuration of a job's `params.cfg`, or of a stored `model.json`, which are valid by schema.

        Args:
            params: `run`, `property`, `model` and `protocol` as plain values.
        """
        return cls(
            Run.of(params["run"]),
            Property.model_validate(params["property"]),
            read_model(params["model"]),
            Protocol.model_validate(params["protocol"]),
        )

    def plain(self) -> dict[str, Any]:
        """Return the configuration as JSON values; defaults are left away, so that a new key changes no identity."""
        return {
            "run": self.run.keys(),
            "property": self.property.plain(),
            "model": self.model.for_training().plain(),
            "protocol": self.protocol.for_training().plain(),
        }

    def for_size(self, rows: int) -> Self:
        """Return the configuration for a training set of `rows` rows, without size-dependent settings."""
        model = self.model.for_size(rows) if isinstance(self.model, NetworkModel) else self.model
        training = self.protocol.training and self.protocol.training.for_size(rows)
        return replace(self, model=model, protocol=self.protocol.model_copy(update={"training": training}))

    def seed_of(self, member: int) -> int:
        """Return the seed of an ensemble member."""
        return self.protocol.seed + member

    @builtins.property  # a field has the plain name
    def clip_minimum(self) -> float | None:
        """Lowest prediction in the unit of the property; None if predictions are not clipped."""
        return self.property.minimum if self.protocol.clip_predictions else None

    def network_settings(self) -> NetworkSettings:
        """Return what of the protocol decides the training of a network.

        Raises:
            ConfigError: The protocol does not say how networks are trained.
        """
        if self.protocol.training is None:
            raise ConfigError(
                f"protocol '{self.run.protocol}': key 'training' is missing, and model '{self.run.model}' is a "
                "network. Add the key, or name a protocol that has it."
            )
        return NetworkSettings(self.protocol.training, self.protocol.evaluation, self.protocol.seed)
