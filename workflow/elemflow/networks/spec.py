"""What all families of networks have in common: the keys of their declarations, and what is asked of them.

The configuration reads the families in every job that parses the workflow. So keras is imported by the
methods that build a network, and by nothing else.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from elemflow.core.declared import Declared, without_default
from elemflow.core.errors import ConfigError

if TYPE_CHECKING:
    import keras

MAX_WIDTH = 16_384
"""Most units of a layer: two such layers have 268 million weights, 4 GB with the state of Adam."""
MAX_LAYERS = 1_000
"""Most layers of a stack."""
MAX_FACTOR = 100
"""Largest factor on widths."""
LEAKY_SLOPE = 0.3
"""Slope of leaky ReLU below 0 where none is declared."""


class Activation(Declared):
    """Activation of the hidden layers."""

    name: Literal["relu", "leaky_relu", "tanh", "sigmoid", "elu", "gelu", "silu", "linear"] = Field(
        description="Activation function."
    )
    negative_slope: float | None = Field(None, description="Slope of leaky_relu below 0.")


class BatchNorm(Declared):
    """Batch normalisation of the hidden layers."""

    momentum: float = Field(0.99, ge=0, lt=1, description="Memory of the moving statistics.")
    epsilon: float = Field(0.001, gt=0, description="Added to the variance.")


class SizeDependentWidth(Declared):
    """Factor on every width for training sets of more than `above` rows."""

    above: int = Field(ge=0, description="Number of training rows.")
    width_factor: float = Field(gt=0, le=MAX_FACTOR, description="Factor on every width, rounded to whole units.")


class NetworkSpec(Declared):
    """Base class of the families; a subclass has a field `family` with its name as the only value.

    Attributes:
        reads_fractions: Whether the network takes the elemental fractions apart, and so reads no other input.
    """

    reads_fractions: ClassVar[bool] = False

    @abstractmethod
    def build(self, n_inputs: int, seed: int) -> keras.Model:
        """Return a network of this declaration.

        Args:
            n_inputs: Number of features.
            seed: Seed of the initial weights and of dropout.

        Returns:
            An uncompiled model from `(batch, n_inputs)` to `(batch, 1)`.
        """

    @property
    def name(self) -> str:
        """The family."""
        return str(getattr(self, "family", ""))

    @property
    def depends_on_size(self) -> bool:
        """Whether the network depends on the number of training rows."""
        return False

    @property
    def source_file(self) -> str | None:
        """File of the user that builds the network, below the folder of the project; None if there is none."""
        return None

    @classmethod
    def expand(cls, declared: dict[str, Any], where: str) -> dict[str, Any]:
        """Return a declaration without the shorthands of the family.

        Args:
            declared: The keys of the declaration, valid by their JSON schema.
            where: How messages call the file.

        Raises:
            ConfigError: A shorthand does not fit the other keys.
        """
        del where
        return declared

    def check(self, where: str, root: Path) -> None:
        """Check that the keys fit each other, as far as no JSON schema can.

        Args:
            where: How messages call the declaration, e.g. `config/models/brnet.yaml: spec`.
            root: Folder of the project, where a relative path starts.

        Raises:
            ConfigError: Names the key, what was found and what is allowed.
        """
        del root
        activation = getattr(self, "activation", None)
        if isinstance(activation, Activation) and activation.name != "leaky_relu":
            if activation.negative_slope is None:
                return
            raise ConfigError(
                f"{where}.activation.negative_slope: only leaky_relu has a slope, found activation "
                f"'{activation.name}'. Remove the key or use leaky_relu."
            )

    def check_representation(self, representation: str, scaled: Container[str], where: str) -> None:
        """Check that the network can read a representation.

        Args:
            representation: Parts joined with `+`.
            scaled: Parts that the protocol scales.
            where: How messages call the run.

        Raises:
            ConfigError: The network reads elemental fractions, and the run gives it something else.
        """
        if not self.reads_fractions:
            return
        needs = f"{where}: a {self.name} network takes elemental fractions apart, so"
        if representation != "ef":
            raise ConfigError(f"{needs} representation '{representation}' cannot be its input. Allowed: ef.")
        if "ef" in scaled:
            raise ConfigError(f"{needs} the protocol must leave them as they are. Remove its key 'scaling.ef'.")

    def for_size(self, rows: int) -> Self:
        """Return the network for a training set of `rows` rows."""
        del rows
        return self

    def unsupported_rows(self, x: np.ndarray) -> dict[int, str]:
        """Return the rows that the network cannot read.

        Args:
            x: Features (rows, features).

        Returns:
            Why, by the number of the row.
        """
        del x
        return {}

    def register(self) -> None:
        """Make Keras know the classes that stored networks of this declaration consist of."""


class ScalableSpec(NetworkSpec):
    """A network whose widths can be multiplied."""

    width_factor: float = Field(1, gt=0, le=MAX_FACTOR, description="Factor on every width, rounded to whole units.")
    by_training_size: tuple[SizeDependentWidth, ...] = Field(
        (),
        description="Keys that replace the ones next to this list where there are more training rows than `above`; the "
        "last entry that holds counts. None if absent.",
        json_schema_extra=without_default,
    )

    @property
    def depends_on_size(self) -> bool:
        """Whether the widths depend on the number of training rows."""
        return bool(self.by_training_size)

    def for_size(self, rows: int) -> Self:
        """Return the network for a training set of `rows` rows, without size-dependent widths."""
        factors = [entry.width_factor for entry in self.by_training_size if rows > entry.above]
        return self.model_copy(update={"by_training_size": (), "width_factor": [self.width_factor, *factors][-1]})

    def width(self, declared: int) -> int:
        """Return a declared width times the factor, rounded, at least 1."""
        return max(1, round(declared * self.width_factor))


class WidthsSpec(ScalableSpec):
    """Base class of the families that are declared by a list of widths."""

    widths: tuple[Annotated[int, Field(ge=1, le=MAX_WIDTH)], ...] = Field(
        min_length=1,
        description="Units of each layer (concatenated), of each block (merge_and_run) or of each level of the "
        "contracting side (unet), from the input on.",
    )
    activation: Activation
    batch_norm: BatchNorm
