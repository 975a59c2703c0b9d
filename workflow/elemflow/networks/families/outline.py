"""Outlines of networks, counted from their declarations; no network is built for them.

They are apart from the families, since a drawing must not change the code that a training depends on.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import singledispatch

from elemflow.core.outline import Outline, Stage
from elemflow.networks.families.concatenated import Concatenated
from elemflow.networks.families.convolutional import SIDE, Convolutional
from elemflow.networks.families.dense import Dense
from elemflow.networks.families.dense import Stack as DenseStack
from elemflow.networks.families.merge_and_run import BRANCH_LAYERS, BRANCHES, MergeAndRun
from elemflow.networks.families.recurrent import ATTENDED, VECTOR, Recurrent
from elemflow.networks.families.unet import UNet
from elemflow.networks.spec import Activation, NetworkSpec

ACTIVATIONS = {"relu": "ReLU", "leaky_relu": "Leaky ReLU", "elu": "ELU", "gelu": "GELU", "silu": "SiLU"}
STATISTICS = 4
"""Scale, offset, mean and variance of batch normalisation, per unit."""


@singledispatch
def outline(spec: NetworkSpec, n_inputs: int) -> Outline | None:
    """Return the outline of a network; None for a family without one, such as a network of the user's own.

    Args:
        spec: Declaration of the network.
        n_inputs: Number of features.
    """
    del spec, n_inputs
    return None


def _layer(inputs: int, units: int, *, normalised: bool = False) -> int:
    """Return the parameters of a dense layer with bias, and of its batch normalisation if there is one."""
    return (inputs + 1) * units + STATISTICS * units * normalised


def _name_steps(order: Sequence[str], activation: Activation) -> str:
    names = {"dense": "FC", "batch_norm": "BN", "activation": ACTIVATIONS.get(activation.name, activation.name)}
    return ", ".join(names[step] for step in order)


@outline.register
def _dense(spec: Dense, n_inputs: int) -> Outline:
    stages, width = [], n_inputs
    for number, stack in enumerate(spec.stacks, start=1):
        units, chains = spec.width(stack.width), stack.branches or (stack.layers,)
        stages.append(
            Stage(
                name=f"stack {number}",
                layers=chains,
                width=units,
                does=_name_steps(spec.order, spec.activation),
                skip={"none": "none", "layer": "layer", "stack": "stage"}[spec.shortcut],
                merge=spec.merge if stack.branches else "",
                dropout=stack.dropout,
                parameters=_count_stack(spec, stack, width, units),
            )
        )
        width = units
    return Outline(inputs=n_inputs, stages=tuple(stages), output=_layer(width, 1))


def _count_stack(spec: Dense, stack: DenseStack, inputs: int, units: int) -> int:
    """Return the parameters of a stack; each parallel chain has a projection of its own where the width changes."""
    normalised = "batch_norm" in spec.order
    projection = _layer(inputs, units) if spec.shortcut != "none" and inputs != units else 0
    return sum(
        _layer(inputs, units, normalised=normalised)
        + (layers - 1) * _layer(units, units, normalised=normalised)
        + projection
        for layers in stack.branches or (stack.layers,)
    )


@outline.register
def _merge_and_run(spec: MergeAndRun, n_inputs: int) -> Outline:
    widths = [spec.width(width) for width in spec.widths]
    does = _name_steps(("dense", "batch_norm", "activation"), spec.activation)
    first = Stage(
        name="first layer",
        layers=(1,),
        width=widths[0],
        does=_name_steps(("dense", "activation"), spec.activation),
        parameters=_layer(n_inputs, widths[0]),
    )
    stages, before = [first], widths[0]
    for number, width in enumerate(widths, start=1):
        branch = _layer(before, width, normalised=True) + (BRANCH_LAYERS - 1) * _layer(width, width, normalised=True)
        projection = _layer(before, width) if before != width else 0
        stages.append(
            Stage(
                name=f"block {number}",
                layers=(BRANCH_LAYERS,) * BRANCHES,
                width=width,
                does=does,
                skip="stage",
                merge="mean added to each",
                parameters=BRANCHES * branch + projection,
            )
        )
        before = width
    return Outline(inputs=n_inputs, stages=tuple(stages), output=_layer(before, 1))


@outline.register
def _concatenated(spec: Concatenated, n_inputs: int) -> Outline:
    does = _name_steps(("dense", "batch_norm", "activation"), spec.activation)
    stages, joined, before = [], n_inputs, n_inputs
    runs = [(width, len(list(same))) for width, same in itertools.groupby(map(spec.width, spec.widths))]
    for number, (width, layers) in enumerate(runs, start=1):
        parameters = 0
        for _ in range(layers):
            parameters += _layer(joined, width, normalised=True)
            joined, before = width + before, width
        stages.append(
            Stage(
                name=f"stack {number}",
                layers=(layers,),
                width=width,
                does=does,
                skip="layer",
                merge="concatenation",
                parameters=parameters,
            )
        )
    return Outline(inputs=n_inputs, stages=tuple(stages), output=_layer(joined, 1))


@outline.register
def _unet(spec: UNet, n_inputs: int) -> Outline:
    widths = [spec.width(width) for width in spec.widths]
    stages = [*_contracting(spec, widths, n_inputs), *_expanding(spec, widths)]
    return Outline(inputs=n_inputs, stages=tuple(stages), output=_layer(stages[-1].width, 1))


def _contracting(spec: UNet, widths: Sequence[int], n_inputs: int) -> Iterator[Stage]:
    does, before = _name_steps(("dense", "batch_norm", "activation"), spec.activation), n_inputs
    for number, width in enumerate(widths, start=1):
        parameters = _layer(before, width, normalised=True) + _layer(width, width, normalised=True)
        yield Stage(name=f"down {number}", layers=(2,), width=width, does=does, parameters=parameters)
        before = width


def _expanding(spec: UNet, widths: Sequence[int]) -> Iterator[Stage]:
    does, before = _name_steps(("dense", "batch_norm", "activation"), spec.activation), widths[-1]
    for number, width in reversed(list(enumerate(widths[:-1], start=1))):
        yield Stage(
            name=f"up {number}",
            layers=(2,),
            width=width,
            does=does,
            skip_from=f"down {number}",
            merge="concatenation",
            parameters=_layer(before, width, normalised=True) + _layer(2 * width, width, normalised=True),
        )
        before = width


@outline.register
def _convolutional(spec: Convolutional, n_inputs: int) -> Outline:
    name = ACTIVATIONS.get(spec.activation.name, spec.activation.name)
    stages, channels, side = [], 1, spec.kernel_size
    for number, filters in enumerate(spec.filters, start=1):
        stages.append(
            Stage(
                name=f"convolution {number}",
                layers=(1,),
                width=filters,
                does=f"convolution {side} × {side} on {SIDE} × {SIDE}, {name}",
                parameters=(side * side * channels + 1) * filters,
            )
        )
        channels = filters
    before = channels * SIDE**2
    for number, width in enumerate(spec.widths, start=1):
        stages.append(
            Stage(
                name=f"layer {number}", layers=(1,), width=width, does=f"FC, {name}", parameters=_layer(before, width)
            )
        )
        before = width
    return Outline(inputs=n_inputs, stages=tuple(stages), output=_layer(before, 1))


@outline.register
def _recurrent(spec: Recurrent, n_inputs: int) -> Outline:
    units = spec.lstm_width
    joined = 2 * units + ATTENDED * VECTOR
    stages = [
        Stage(
            name="LSTM",
            layers=(1,),
            width=units,
            does=f"LSTM over at most {spec.max_elements} elements",
            parameters=4 * _layer(VECTOR + units, units),
        ),
        Stage(
            name="attention",
            layers=(1,),
            width=units,
            does="additive attention",
            parameters=_layer(units, units) + units,
        ),
    ]
    if spec.highway_layers:
        stages.append(
            Stage(
                name="highway",
                layers=(spec.highway_layers,),
                width=joined,
                does="highway, ReLU",
                skip="layer",
                merge="gate",
                parameters=spec.highway_layers * 2 * _layer(joined, joined),
            )
        )
    return Outline(inputs=n_inputs, stages=tuple(stages), output=_layer(joined, 1))
