"""Models: networks, estimators, and searches over them, as typed objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, field_validator

from elemflow.core.declared import Declared

ParameterValue = int | float | str | bool | None
SelectBy = Literal["auto", "validation", "inner_cv"]


class Activation(Declared):
    """Activation of the hidden layers."""

    name: Literal["relu", "leaky_relu", "tanh", "sigmoid", "elu", "gelu", "silu", "linear"]
    negative_slope: float | None = None


class BatchNorm(Declared):
    """Batch normalisation of the hidden layers."""

    momentum: float = 0.99
    epsilon: float = 0.001


class Stack(Declared):
    """Equally wide layers, in one row or in parallel branches."""

    width: int
    layers: int
    branches: tuple[int, ...] | None = None
    dropout: float | None = None


class SizeDependentWidth(Declared):
    """Factor on every width for training sets of more than `above` rows."""

    above: int
    width_factor: float


class Initialization(Declared):
    """Changes to the initial weights: a factor on the kernels of the main layers."""

    kernel_scale: float = 1.0


class _Scalable(Declared):
    """A network whose widths can be multiplied."""

    width_factor: float = 1
    by_training_size: tuple[SizeDependentWidth, ...] = ()

    def for_size(self, rows: int) -> Self:
        """Return the network for a training set of `rows` rows, without size-dependent widths."""
        factors = [entry.width_factor for entry in self.by_training_size if rows > entry.above]
        return self.model_copy(update={"by_training_size": (), "width_factor": [self.width_factor, *factors][-1]})

    def width(self, declared: int) -> int:
        """Return a declared width times the factor, rounded, at least 1."""
        return max(1, round(declared * self.width_factor))


class DenseSpec(_Scalable):
    """Stacks of dense layers with or without shortcuts and parallel branches: ElemNet, IRNet, BNet, BRNet."""

    family: Literal["dense"]
    stacks: tuple[Stack, ...]
    order: tuple[Literal["dense", "batch_norm", "activation"], ...]
    activation: Activation
    batch_norm: BatchNorm | None = None
    shortcut: Literal["none", "stack", "layer"]
    projection: Literal["linear", "none"] = "linear"
    merge: Literal["sum", "average"] = "sum"
    initialization: Initialization = Initialization()


class WidthsSpec(_Scalable):
    """Networks declared by a list of widths."""

    family: Literal["concatenated", "merge_and_run", "unet"]
    widths: tuple[int, ...]
    activation: Activation
    batch_norm: BatchNorm


class ConvolutionalSpec(Declared):
    """Convolutions over the 10 x 10 grid of elements."""

    family: Literal["convolutional"]
    filters: tuple[int, ...]
    kernel_size: int
    widths: tuple[int, ...]
    activation: Activation


class RecurrentSpec(Declared):
    """A bidirectional LSTM with attention over the elements of a composition, and highway layers."""

    family: Literal["recurrent"]
    max_elements: int
    lstm_width: int
    highway_layers: int
    gate_bias: float


class CustomSpec(Declared):
    """A network that a function in a user's file builds."""

    family: Literal["custom"]
    file: str
    function: str = "build"
    options: dict[str, Any] = Field(default_factory=dict)


NetworkSpec = Annotated[
    DenseSpec | WidthsSpec | ConvolutionalSpec | RecurrentSpec | CustomSpec, Field(discriminator="family")
]


class PublishedName(Declared):
    """Name of a model in resources/published/."""

    model: str
    depth: int | None = None


class _Model(Declared):
    title: str = ""
    published: PublishedName | None = None

    def for_training(self) -> Self:
        """Return the model with only what training depends on."""
        return self.model_copy(update={"title": "", "published": None})


class NetworkModel(_Model):
    """A neural network."""

    kind: Literal["network"]
    spec: NetworkSpec

    def for_size(self, rows: int) -> Self:
        """Return the model for a training set of `rows` rows."""
        sized = self.spec.for_size(rows) if isinstance(self.spec, _Scalable) else self.spec
        return self.model_copy(update={"spec": sized})


class GridSearch(Declared):
    """A search for the best hyperparameters in a grid."""

    method: Literal["grid", "random", "tpe"]
    grid: dict[str, tuple[ParameterValue, ...]]
    trials: int = 20
    select_by: SelectBy = "auto"
    folds: int = 3


class EstimatorModel(_Model):
    """A regressor with scikit-learn's interface."""

    kind: Literal["estimator"]
    estimator: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    max_rows: int | None = None
    search: GridSearch | None = None


class BestOfModel(_Model):
    """The best of several estimators, each with its grid."""

    kind: Literal["best_of"]
    models: tuple[str, ...]
    trials: int
    select_by: SelectBy = "auto"
    folds: int = 3
    candidates: dict[str, EstimatorModel] = Field(default_factory=dict)

    @field_validator("candidates", mode="before")
    @classmethod
    def _with_kind(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {name: {"kind": "estimator", **each} if isinstance(each, dict) else each for name, each in value.items()}


class SearchModel(_Model):
    """AutoML: a search over estimators and their hyperparameters."""

    kind: Literal["search"]
    engine: Literal["optuna", "flaml"]
    trials: int
    estimators: tuple[str, ...]
    standardise: bool = True


Model = Annotated[NetworkModel | EstimatorModel | BestOfModel | SearchModel, Field(discriminator="kind")]
_MODEL: TypeAdapter[Model] = TypeAdapter(Model)


def read_model(declared: object) -> Model:
    """Return the typed declaration of a model, valid by its JSON schema."""
    return _MODEL.validate_python(declared)
