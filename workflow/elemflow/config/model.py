"""Models: networks, estimators, and searches over them, as typed objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, field_serializer, field_validator

from elemflow.core.declared import Declared
from elemflow.networks.families.registry import read_spec
from elemflow.networks.spec import NetworkSpec

ParameterValue = int | float | str | bool | None
SelectBy = Literal["auto", "validation", "inner_cv"]


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
