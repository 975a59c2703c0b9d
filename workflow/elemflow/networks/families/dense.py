"""Dense networks from one declaration: plain, ElemNet, SRNet, IRNet, BNet and BRNet.

A hidden layer is Dense with bias, activation and perhaps batch normalisation, in the declared order. Shortcuts add
their input *after* that (brnet2023 and irnet2021, by their public code); where the width changes they pass a linear
Dense with bias, elsewhere they are the identity. The output is one linear unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from elemflow.core.declared import Declared, without_default
from elemflow.core.errors import ConfigError
from elemflow.networks.spec import MAX_LAYERS, MAX_WIDTH, Activation, BatchNorm, ScalableSpec

if TYPE_CHECKING:
    import keras

    from elemflow.networks.layers import Layers

Step = Literal["dense", "batch_norm", "activation"]
ORDERS = (["dense", "activation"], ["dense", "batch_norm", "activation"], ["dense", "activation", "batch_norm"])


def _orders(schema: dict[str, Any]) -> None:
    """Allow only the orders that there are."""
    del schema["items"], schema["type"]
    schema["enum"] = list(ORDERS)


class Stack(Declared):
    """Equally wide layers, in one row or in parallel branches."""

    width: int = Field(ge=1, le=MAX_WIDTH, description="Units of each layer.")
    layers: int = Field(ge=1, le=MAX_LAYERS, description="Number of layers.")
    branches: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=2)] | None = Field(
        None, description="Layers of each parallel branch; they sum to `layers`."
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="Fraction of units dropped after the stack."
    )


class Initialization(Declared):
    """Changes to the initial weights."""

    kernel_scale: float = Field(
        1.0,
        gt=0,
        description="Factor on the initial kernels of the main layers; projections and output are left alone.",
    )


class Dense(ScalableSpec):
    """Stacks of dense layers with or without shortcuts and parallel branches: ElemNet, IRNet, BNet, BRNet."""

    family: Literal["dense"] = Field(description="Stacks of dense layers with or without shortcuts and branches.")
    stacks: tuple[Stack, ...] = Field(min_length=1, description="Stacks of equally wide layers, from input to output.")
    branches: Annotated[str, Field(pattern="^[0-9]+x[0-9]+(-[0-9]+)+$")] | None = Field(
        None,
        description="Shorthand for the branches of one stack in place of those in `stacks`: its width, x and the "
        "layers of each branch, such as 512x2-1.",
    )
    order: tuple[Step, ...] = Field(description="What a layer does, in order.", json_schema_extra=_orders)
    activation: Activation
    batch_norm: BatchNorm | None = None
    shortcut: Literal["none", "stack", "layer"] = Field(
        description="What a shortcut spans: nothing, a stack or a layer."
    )
    projection: Literal["linear", "none"] = Field(
        "linear",
        description="What a shortcut passes where the width changes: a linear Dense with bias, or nothing, which needs "
        "stacks of one width.",
    )
    merge: Literal["sum", "average"] = Field("sum", description="How parallel branches are joined.")
    initialization: Initialization = Field(Initialization(), json_schema_extra=without_default)

    @classmethod
    def expand(cls, declared: dict[str, Any], where: str) -> dict[str, Any]:
        """Replace the shorthand `branches` by branches of one of the stacks; see `NetworkSpec.expand`."""
        if not isinstance(declared.get("branches"), str):
            return declared
        width, _, layers = declared["branches"].partition("x")
        stacks = [{key: value for key, value in stack.items() if key != "branches"} for stack in declared["stacks"]]
        chosen = [stack for stack in stacks if stack["width"] == int(width)]
        if not chosen:
            widths = dict.fromkeys(str(stack["width"]) for stack in stacks)
            raise ConfigError(f"{where}: key 'spec.branches': no stack of width {width}. Known: {', '.join(widths)}.")
        chosen[0]["branches"] = [int(each) for each in layers.split("-")]
        return {key: value for key, value in declared.items() if key != "branches"} | {"stacks": stacks}

    def check(self, where: str, root: Path) -> None:
        """Check normalisation, branches and shortcuts; see `NetworkSpec.check`."""
        super().check(where, root)
        normalised = "batch_norm" in self.order
        if normalised and self.batch_norm is None:
            raise ConfigError(
                f"{where}.batch_norm: missing although `order` has batch_norm; give momentum and epsilon "
                "(Keras uses 0.99 and 0.001)."
            )
        if self.batch_norm and not normalised:
            raise ConfigError(
                f"{where}.batch_norm: given although `order` has no batch_norm; remove it or add it to order."
            )
        for position, stack in enumerate(self.stacks):
            self._check_stack(position, stack, where)

    def _check_stack(self, position: int, stack: Stack, where: str) -> None:
        if stack.branches and sum(stack.branches) != stack.layers:
            raise ConfigError(
                f"{where}.stacks[{position}].branches: {list(stack.branches)} sums to {sum(stack.branches)}, but the "
                f"stack has {stack.layers} layers; the layers of the branches must sum to `layers`."
            )
        before = self.stacks[max(position - 1, 0)].width
        if self.shortcut != "none" and self.projection == "none" and stack.width != before:
            raise ConfigError(
                f"{where}.stacks[{position}].width: the shortcut would lead from width {before} to {stack.width}, "
                f'which needs `projection: linear`; found "none". Use linear, or stacks of one width.'
            )

    def build(self, n_inputs: int, seed: int) -> keras.Model:
        """See `NetworkSpec.build`.

        Raises:
            ConfigError: A shortcut has no projection (`projection: none`), and the inputs are not as wide as its end.
        """
        from elemflow.networks.layers import Layers

        layers = Layers(seed, self.activation, self.batch_norm, self.initialization.kernel_scale)
        return _Builder(self, layers).model(n_inputs)


@dataclass(frozen=True)
class _Builder:
    """Builds a network of the family layer by layer."""

    spec: Dense
    layers: Layers

    def model(self, n_inputs: int) -> keras.Model:
        import keras

        inputs = keras.Input((n_inputs,), name="features")
        x = inputs
        for number, stack in enumerate(self.spec.stacks, start=1):
            x = self.stack(x, stack, f"stack{number}")
        return keras.Model(inputs, self.layers.dense(x, 1, "output"), name=self.spec.family)

    def stack(self, x: Any, stack: Stack, name: str) -> Any:
        """Apply one chain, or parallel chains that all begin with the stack's input, then dropout."""
        import keras

        width = self.spec.width(stack.width)
        if stack.branches:
            merge = {"sum": keras.layers.Add, "average": keras.layers.Average}[self.spec.merge]
            x = merge(name=f"{name}_merge")(
                [
                    self.chain(x, width, layers, f"{name}_branch{number}")
                    for number, layers in enumerate(stack.branches, start=1)
                ]
            )
        else:
            x = self.chain(x, width, stack.layers, name)
        if stack.dropout:
            dropout_name = f"{name}_dropout"
            x = keras.layers.Dropout(stack.dropout, seed=self.layers.layer_seed(dropout_name), name=dropout_name)(x)
        return x

    def chain(self, x: Any, width: int, layers: int, name: str) -> Any:
        start = x
        for number in range(1, layers + 1):
            layer_name = f"{name}_layer{number}"
            y = self.layers.hidden(x, width, layer_name, self.spec.order)
            x = self.add_shortcut(x, y, width, layer_name) if self.spec.shortcut == "layer" else y
        return self.add_shortcut(start, x, width, name) if self.spec.shortcut == "stack" else x

    def add_shortcut(self, start: Any, end: Any, width: int, name: str) -> Any:
        import keras

        if self.spec.projection == "none" and start.shape[-1] != width:
            raise ConfigError(
                f"key 'spec.projection': found \"none\", but the shortcut of {name} leads from width {start.shape[-1]} "
                f"to {width}. Use linear, or give the first stack as many units as the representation has columns."
            )
        return keras.layers.Add(name=f"{name}_add")([self.layers.project(start, width, f"{name}_projection"), end])
