"""Bases: a joint dataset of several members, and the multi-task network that is pre-trained on it, as typed objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from elemflow.config.dataset import Dataset
from elemflow.config.model import Model, OtherModel
from elemflow.core.declared import Declared, FromFile, Parameters
from elemflow.core.errors import ConfigError, nearest

Transform = Literal["none", "log10", "log1p_abs"]


class Stack(Declared):
    """Equally wide layers, in one row or in parallel branches.

    Attributes:
        width: Units of each layer.
        layers: Number of layers.
        branches: Layers of each parallel branch; they sum to `layers`.
    """

    width: int
    layers: int
    branches: tuple[int, ...] | None = None


class NetworkShape(Declared):
    """Trunk of a multi-task network: residual stacks as those of BRNet; each target has a linear head.

    Attributes:
        stacks: Stacks of equally wide layers, from input to heads; the shortcuts span single layers.
        negative_slope: Slope of leaky ReLU below 0.
        kernel_scale: Factor on the initial kernels of the hidden layers.
    """

    stacks: tuple[Stack, ...]
    negative_slope: float = 0.3
    kernel_scale: float = 0.3


class Head(Declared):
    """A target: a property of a member dataset.

    Attributes:
        dataset: Id of the dataset.
        property: Id of the property there.
        title: What is predicted, with the source of its values.
        transform: What is learned of a value; intervals are symmetric in it.
        group: What kind of property it is, the same for all sources; predictions are chosen by it.
        minimum, maximum: Values outside are left out as failed calculations.
        weight: Factor on the weight that follows from the number of labels.
    """

    dataset: str
    property: str
    title: str
    group: str
    transform: Transform = "none"
    minimum: float | None = None
    maximum: float | None = None
    weight: float = 1.0


class Schedule(Declared):
    """How a multi-task network is trained.

    Attributes:
        epochs: Number of epochs; the last weights are kept.
        batch_size: Compositions of a step.
        learning_rate: Largest learning rate, after the warm-up and before the cosine decay to 0.
        weight_decay: Of AdamW, on kernels alone.
        warmup: Fraction of all steps.
        weight_exponent: Heads of n labels have the weight (most labels / n) to this power.
        weight_limits: Least and largest weight, as parts of that of a head with `weight_labels` labels.
        weight_labels: Number of labels of a head of weight 1.
        clip: Largest absolute standardised target.
        sampled: Dataset of which an epoch has only `sampled_rows` of the compositions without any other label, in turn.
        sampled_rows: How many.
        engine: Library that computes the steps.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)] = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    weight_exponent: float = 0.3
    weight_limits: tuple[float, float] = (0.4, 4.0)
    weight_labels: int = 90_000
    clip: float = 12.0
    sampled: str | None = None
    sampled_rows: int | None = None
    engine: Literal["jax", "tensorflow"] = "jax"


class Tested(Declared):
    """Runs whose evaluated compositions a base must not see.

    Attributes:
        dataset: Id of the dataset.
        property: Id of the property there.
        protocol: Protocol whose split says which materials are evaluated.
        roles: Sets that are left out.
    """

    dataset: str
    property: str
    protocol: str
    roles: tuple[Literal["validation", "test"], ...] = ("validation", "test")


class Base(FromFile):
    """A joint dataset and the network that is trained on it.

    Attributes:
        title: What it is.
        representation: Parts of the inputs.
        heads: Targets by id.
        network: The trunk.
        training: The schedule.
        members: Number of networks with different seeds.
        seed: Seed of the first network; the others follow.
        held_out: Fraction of the compositions that no network sees, for errors and intervals.
        exclude: Datasets whose compositions no network sees either, and runs whose evaluated ones it does not see.
        left_out: Sources that were left out, with the reason.
        known: Whether its file has the values of its sources, for predictions to stand next to.
        start_from: Base with the same table and network, whose networks these continue from; None for random weights.
        trained_heads: Heads that a base which continues from another is trained on; all heads, if it is empty.
    """

    title: str = ""
    representation: str = "ef+pa"
    heads: dict[str, Head]
    network: NetworkShape
    training: Schedule
    members: Annotated[int, Field(ge=1)] = 3
    seed: int = 0
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.04
    exclude: tuple[str | Tested, ...] = ()
    left_out: dict[str, str] = Field(default_factory=dict)
    known: bool = False
    start_from: str | None = None
    trained_heads: tuple[str, ...] = ()

    @property
    def excluded_datasets(self) -> tuple[str, ...]:
        """Ids of the datasets that are left out as a whole."""
        return tuple(each for each in self.exclude if isinstance(each, str))

    @property
    def tested(self) -> tuple[Tested, ...]:
        """Runs whose evaluated compositions are left out."""
        return tuple(each for each in self.exclude if isinstance(each, Tested))

    @property
    def datasets(self) -> tuple[str, ...]:
        """Ids of all datasets whose compositions are read, members first."""
        members = (head.dataset for head in self.heads.values())
        return tuple(dict.fromkeys([*members, *self.excluded_datasets, *(each.dataset for each in self.tested)]))

    def joint_parameters(self) -> Parameters:
        """Return what the joint table depends on."""
        keys = ("dataset", "property", "transform", "minimum", "maximum")
        heads = {
            name: {key: value for key, value in head.items() if key in keys}
            for name, head in self.written["heads"].items()
        }
        fixed: dict[str, Any] = {key: self.written[key] for key in ("held_out", "exclude") if key in self.written}
        return {"heads": heads, **fixed}

    def training_parameters(self) -> Parameters:
        """Return what the networks depend on: not the texts of the card, nor how many there are."""
        texts = ("title", "group")
        heads = {
            name: {key: value for key, value in head.items() if key not in texts}
            for name, head in self.written["heads"].items()
        }
        # A base whose file names JAX is the one whose file names no engine.
        schedule = {key: value for key, value in self.written["training"].items() if (key, value) != ("engine", "jax")}
        fixed = {"heads": heads, "training": schedule}
        return self.written_without("title", "members", "left_out", "known") | fixed


def check_bases(bases: Mapping[str, Base], files: Mapping[str, str], datasets: Mapping[str, Dataset]) -> None:
    """Check that the datasets and properties that bases name exist, and that branches fit their stacks.

    Args:
        bases: Bases by id.
        files: How messages call the file of each.
        datasets: Datasets by id.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    for name, base in bases.items():
        where = files[name]
        for head_id, head in base.heads.items():
            _check_head(f"{where}: key 'heads.{head_id}", head, datasets)
        for place, excluded in enumerate(base.exclude):
            _check_excluded(f"{where}: key 'exclude[{place}]", excluded, datasets)
        if base.training.sampled is not None:
            _check_known(f"{where}: key 'training.sampled'", "dataset of a head", base.training.sampled, base.datasets)
        for place, stack in enumerate(base.network.stacks):
            if stack.branches and sum(stack.branches) != stack.layers:
                raise ConfigError(
                    f"{where}: key 'network.stacks[{place}].branches': {list(stack.branches)} sums to "
                    f"{sum(stack.branches)}, but the stack has {stack.layers} layers."
                )
        _check_start(where, base, bases)


FINE_TUNED = "fine_tuned_base"
"""Kind of the models that start from a base."""


def base_of(model: Model, bases: Mapping[str, Base], where: str) -> str | None:
    """Return the id of the declared base that a model is fine-tuned from; None if it starts from a file, or from none.

    Args:
        model: The model.
        bases: Bases by id.
        where: How messages call the model.

    Raises:
        ConfigError: There is no such base, or a model of the kind `fine_tuned_base` names a base and a file, or none.
    """
    if not isinstance(model, OtherModel) or model.kind != FINE_TUNED:
        return None
    base, file = str(model.options.get("base", "")), (model.options.get("file"), model.options.get("sha256"))
    if bool(base) == any(file) or any(file) != all(file):
        raise ConfigError(
            f"{where}: a model of the kind '{FINE_TUNED}' names a base of config/bases (`base`), or a file of one with "
            "its SHA-256 (`file` and `sha256`)."
        )
    if base:
        _check_known(f"{where}: key 'base'", "base", base, tuple(bases))
    return base or None


def _check_head(where: str, head: Head, datasets: Mapping[str, Dataset]) -> None:
    _check_known(f"{where}.dataset'", "dataset", head.dataset, datasets)
    dataset = datasets[head.dataset]
    _check_known(f"{where}.property'", f"property of '{head.dataset}'", head.property, dataset.properties)
    if dataset.keep.rule not in ("lowest", "median", "first"):
        raise ConfigError(
            f"{where}.dataset': '{head.dataset}' keeps several materials of a composition (keep: {dataset.keep.rule}), "
            "and a base needs one. Allowed: datasets with keep: lowest, median or first."
        )


def _check_start(where: str, base: Base, bases: Mapping[str, Base]) -> None:
    for head in base.trained_heads:
        _check_known(f"{where}: key 'trained_heads'", "head", head, tuple(base.heads))
    if base.start_from is None:
        if base.trained_heads:
            raise ConfigError(f"{where}: key 'trained_heads' needs `start_from`; else remove the other heads.")
        return
    _check_known(f"{where}: key 'start_from'", "base", base.start_from, tuple(bases))
    first = bases[base.start_from]
    if first.start_from is not None:
        raise ConfigError(f"{where}: key 'start_from': '{base.start_from}' itself continues from '{first.start_from}'.")
    # The table decides what no network may see, so a table of its own could hold what the first base leaves out.
    differing = [
        key
        for key, own, other in (
            ("heads", list(base.heads), list(first.heads)),
            ("heads, held_out or exclude", base.joint_parameters(), first.joint_parameters()),
            ("representation", base.representation, first.representation),
            ("network", base.network, first.network),
            ("members", base.members > first.members, False),
        )
        if own != other
    ]
    if differing:
        raise ConfigError(
            f"{where}: key 'start_from': differs from '{base.start_from}' in {differing[0]}. Use `extends: "
            f"{base.start_from}` and change title, members, seed, training and trained_heads alone."
        )


def _check_excluded(where: str, excluded: str | Tested, datasets: Mapping[str, Dataset]) -> None:
    if isinstance(excluded, str):
        _check_known(f"{where}'", "dataset", excluded, datasets)
        return
    _check_known(f"{where}.dataset'", "dataset", excluded.dataset, datasets)
    known = datasets[excluded.dataset].properties
    _check_known(f"{where}.property'", f"property of '{excluded.dataset}'", excluded.property, known)


def _check_known(where: str, what: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> None:
    if name not in known:
        raise ConfigError(f"{where}: no {what} '{name}'.{nearest(name, known)}")
