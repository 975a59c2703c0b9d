"""Models: networks, estimators, and searches over them, as typed objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, field_serializer, field_validator

from elemflow.core.declared import Declared, FromFile, Parameters
from elemflow.networks.families.registry import read_spec
from elemflow.networks.spec import NetworkSpec

ParameterValue = int | float | str | bool | None
SelectBy = Literal["auto", "validation", "inner_cv"]


class PublishedName(Declared):
    """Name of a model in resources/published/."""

    model: str
    depth: int | None = None


class _Model(FromFile):
    title: str = ""
    published: PublishedName | None = None

    def training_parameters(self) -> Parameters:
        """Return what training depends on."""
        return self.written_without("title", "published")

    def for_training(self) -> Self:
        """Return the model with only what training depends on."""
        return self.model_copy(update={"title": "", "published": None})


class NetworkModel(_Model):
    """A neural network."""

    kind: Literal["network"]
    spec: NetworkSpec

    @field_validator("spec", mode="before")
    @classmethod
    def _typed_spec(cls, value: object) -> NetworkSpec:
        return read_spec(value)

    @field_serializer("spec")
    def _plain_spec(self, value: NetworkSpec) -> dict[str, Any]:
        return value.plain()

    def for_size(self, rows: int) -> Self:
        """Return the model for a training set of `rows` rows."""
        return self.model_copy(update={"spec": self.spec.for_size(rows)})


class ChoiceRange(Declared):
    """A range that a search draws numbers from."""

    low: float
    high: float
    log: bool = False


Choices = tuple[Any, ...] | ChoiceRange | dict[str, Any]
"""Values to choose from, a range, or values by the names that the record of trials shows."""


class NetworkSearchModel(NetworkModel):
    """A search over the settings of a network and of its training.

    Attributes:
        trials: Most settings that are tried.
        sampler: What proposes them.
        prune_after: Validations after which a trial that is worse than the median may end; None lets all train to
            their end.
        space: What may differ, by dotted key below `spec` or `training`.
    """

    kind: Literal["network_search"]  # type: ignore[assignment]  # a network to all that reads its results
    trials: int
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    prune_after: int | None = None
    space: dict[str, Choices]


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


class OtherModel(_Model):
    """A model of any other kind; its other keys are the class `Options` of the module that fits it.

    Attributes:
        kind: Name of a module of `elemflow.training.fitters`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    kind: str

    @property
    def options(self) -> dict[str, Any]:
        """Keys of the kind, with their values."""
        return dict(self.model_extra or {})


class ModelOptions(Declared):
    """Base class of the options of other kinds of model."""

    @classmethod
    def of(cls, model: OtherModel) -> Self:
        """Return the options of a model, whose keys were checked by its JSON schema."""
        return cls.model_validate(model.options)


_Known = Annotated[
    NetworkModel | NetworkSearchModel | EstimatorModel | BestOfModel | SearchModel, Field(discriminator="kind")
]
_KNOWN: TypeAdapter[_Known] = TypeAdapter(_Known)
KNOWN_KINDS = ("network", "network_search", "estimator", "best_of", "search")
Model = NetworkModel | NetworkSearchModel | EstimatorModel | BestOfModel | SearchModel | OtherModel


def read_model(declared: Mapping[str, Any]) -> Model:
    """Return the typed declaration of a model, valid by its JSON schema."""
    known = declared["kind"] in KNOWN_KINDS
    found: Model = _KNOWN.validate_python(declared) if known else OtherModel.model_validate(declared)
    return found.written_as(declared)
