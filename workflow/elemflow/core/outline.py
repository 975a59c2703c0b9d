"""What a network consists of, for tables of layers and drawings: stages from its inputs to its output."""

from typing import Literal

from elemflow.core.declared import Declared


class Stage(Declared):
    """Layers of a network of one width, in one chain or in parallel ones.

    Attributes:
        name: What the network calls it, such as `stack 1`.
        layers: Number of layers of each parallel chain.
        width: Units of each layer, or filters.
        does: What a layer does, such as `FC, BN, ReLU`.
        skip: What a shortcut spans: a layer, the stage, or nothing.
        skip_from: Stage whose output is joined in; empty if there is none.
        merge: How parallel chains or skipped inputs are joined, in a word.
        dropout: Share of units that are dropped after the stage.
        parameters: Number of parameters, statistics of batch normalisation included.
    """

    name: str
    layers: tuple[int, ...]
    width: int
    does: str
    skip: Literal["none", "layer", "stage"] = "none"
    skip_from: str = ""
    merge: str = ""
    dropout: float | None = None
    parameters: int

    @property
    def text(self) -> str:
        """The layers in words, such as `4 × 1024` or `2 + 2 × 1024`."""
        return f"{' + '.join(map(str, self.layers))} × {self.width}"


class Outline(Declared):
    """A network from its inputs to its output.

    Attributes:
        inputs: Number of inputs.
        stages: Its hidden layers.
        output: Parameters of the output unit.
    """

    inputs: int
    stages: tuple[Stage, ...]
    output: int

    @property
    def parameters(self) -> int:
        """Number of parameters of the whole network."""
        return sum(stage.parameters for stage in self.stages) + self.output
