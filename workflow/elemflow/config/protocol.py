"""Protocols: how a model is split, scaled, trained, evaluated and reported, as typed objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, field_serializer, field_validator

from elemflow.config.dataset import Property
from elemflow.config.kinds import ScalingKind, natural_scaling
from elemflow.core.declared import Declared, FromFile, Parameters
from elemflow.splits.schemes.base import SplitScheme
from elemflow.splits.schemes.pretraining import Pretraining
from elemflow.splits.schemes.registry import read_split

SCALINGS = {"standard": "standardised", "quantile": "by rank", "unit_rows": "standardised to rows of unit length"}
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "adadelta": "Adadelta", "rmsprop": "RMSprop"}
LOSSES = {"mae": "MAE", "mse": "MSE", "huber": "Huber"}


class Optimizer(Declared):
    """An optimiser of keras.optimizers; keys that a kind does not have are None."""

    name: Literal["adam", "adamw", "sgd", "adadelta", "rmsprop"]
    learning_rate: float
    epsilon: float | None = None
    weight_decay: float = 0.004
    weight_decay_on: Literal["all", "kernels"] = "all"
    momentum: float = 0.0
    rho: float = 0.95


class LearningRateReduction(Declared):
    """Reduction of the learning rate on a plateau, as keras.callbacks.ReduceLROnPlateau."""

    factor: float
    patience: int
    min_delta: float = 1.0e-4
    min_learning_rate: float = 0.0


class LearningRateSchedule(Declared):
    """Learning rate as a function of the step: linear warm-up, then cosine decay or constant."""

    warmup: float = 0.0
    decay: Literal["cosine", "none"] = "cosine"


class EarlyStopping(Declared):
    """When a training stops, and which set decides."""

    monitor: Literal["validation", "test"]
    patience: int
    restore_best: bool = True


class SizeDependentTraining(Declared):
    """Training settings for training sets of more than `above` rows."""

    above: int
    max_epochs: int | None = None
    batch_size: int | None = None


class Training(Declared):
    """How networks are trained.

    Attributes:
        max_epochs: Most passes over the training set.
        by_training_size: Settings that replace these for larger training sets; the last entry that applies counts.
        parallel_members: Ensemble members trained at once on the JAX engine.
        record_test: Whether the error on the test set is written to the history; it decides nothing.
        huber_delta: Error at which the Huber loss becomes linear, in the unit of the (scaled) target.
    """

    optimizer: Optimizer
    batch_size: int
    loss: Literal["mae", "mse", "huber"]
    max_epochs: int
    early_stopping: EarlyStopping | None
    learning_rate_reduction: LearningRateReduction | None = None
    schedule: LearningRateSchedule | None = None
    last_batch: Literal["keep", "drop"] = "keep"
    shuffle: Literal["every_epoch", "never"] = "every_epoch"
    huber_delta: float = 1.0
    by_training_size: tuple[SizeDependentTraining, ...] = ()
    validate_every_steps: int | None = None
    record_test: bool = False
    engine: Literal["auto", "tensorflow", "jax"] = "auto"
    parallel_members: int | Literal["auto"] = "auto"

    def for_size(self, rows: int) -> Self:
        """Return the training of a training set of `rows` rows, without size-dependent settings."""
        changes: dict[str, Any] = {"by_training_size": ()}
        for entry in self.by_training_size:
            if rows > entry.above:
                changes |= {k: v for k in ("max_epochs", "batch_size") if (v := getattr(entry, k)) is not None}
        return self.model_copy(update=changes)

    def describe(self) -> str:
        """Return the training in words, for captions."""
        rate = f"{self.optimizer.learning_rate:.0e}".replace("e-0", "e-")
        stopping, reduction, schedule = self.early_stopping, self.learning_rate_reduction, self.schedule
        falls = f"falling by {reduction.factor:g} on plateaus" if reduction else ""
        if schedule:
            falls = "with warm-up" if schedule.warmup else ""
            falls += (" and " if falls else "with ") + "cosine decay" if schedule.decay == "cosine" else ""
        sizes = "; ".join(
            f"above {each.above:,} training rows "
            + ", ".join(
                text
                for value, text in (
                    (each.max_epochs, f"{each.max_epochs:,} epochs"),
                    (each.batch_size, f"batch {each.batch_size}"),
                )
                if value
            )
            for each in self.by_training_size
        )
        parts = (
            " ".join(filter(None, (OPTIMIZERS[self.optimizer.name], rate, falls))),
            f"batch {self.batch_size}",
            f"{LOSSES[self.loss]} loss",
            f"{'at most ' if stopping else ''}{self.max_epochs:,} epochs",
            f"lowest {stopping.monitor} error with patience {stopping.patience}" if stopping else "",
            sizes,
        )
        return ", ".join(filter(None, parts))


class TargetScaling(Declared):
    """What models learn in place of the property: (property - center) / scale, fitted on the training set."""

    center: Literal["none", "mean", "median"] = "none"
    scale: Literal["none", "std"] = "none"

    def describe(self) -> str:
        """Return the scaling in words, for captions; empty if there is none."""
        center = f"minus its {self.center}" if self.center != "none" else ""
        text = " ".join(filter(None, (center, "in standard deviations" if self.scale == "std" else "")))
        return f"target {text}" if text else ""


class Evaluation(Declared):
    """How networks compute the monitored error and the predictions; other than the defaults only to repeat a paper."""

    dropout: bool = False
    batch_norm: Literal["moving", "batch"] = "moving"

    def describe(self) -> str:
        """Return what differs from the usual in words, for captions; empty if nothing does."""
        parts = ("dropout" if self.dropout else "", "batch statistics" if self.batch_norm == "batch" else "")
        return " and ".join(f"{part} at evaluation" for part in parts if part)


class PretrainingSource(Declared):
    """The pre-training run that the networks of a run are fine-tuned from."""

    dataset: str
    property: str
    protocol: str


class Protocol(FromFile):
    """How a model is split, scaled, trained, evaluated and reported.

    Attributes:
        split: Scheme of the train/validation/test split.
        training: How networks are trained; None for protocols of estimators only.
        seed: Seed of ensemble member 0; member m uses seed + m for weights, shuffling and dropout.
        scaling: Scaling of the features by part of the representation, fitted on the training set of each member;
            a part that is absent has its own scaling, see `scaling_of`.
        nested: Protocol that leaves out pairs of folds, for models of the second stage of stability.
        clip_predictions: Whether predictions below the property's `minimum` are raised to it; auto: where it has one.
        ensemble: How the members of one split become one prediction per material; None reports members alone.
        uncertainty: Whether conformal intervals of the ensemble are calibrated and their coverage is evaluated.
        report: What tables show: mean over members, the member best on the test set, or the ensemble.
    """

    title: str = ""
    split: SplitScheme
    training: Training | None = None
    seed: int = 0
    scaling: dict[str, ScalingKind] | Literal["none"] = Field(default_factory=dict)
    target_scaling: TargetScaling | None = None
    pretraining: PretrainingSource | None = None
    nested: str | None = None
    clip_predictions: bool | Literal["auto"] = "auto"
    evaluation: Evaluation = Evaluation()
    ensemble: Literal["mean", "median"] | None = None
    uncertainty: bool = False
    report: Literal["mean", "best_on_test", "ensemble"] = "mean"
    _reduced: tuple[str, ...] = PrivateAttr(())

    @field_validator("split", mode="before")
    @classmethod
    def _typed_split(cls, value: object) -> SplitScheme:
        return read_split(value)

    @field_serializer("split")
    def _plain_split(self, value: SplitScheme) -> dict[str, Any]:
        return value.plain()

    def describe(self) -> str:
        """Return the protocol in words, for captions: its title, or what it says."""
        if self.title:
            return self.title
        declared = {} if self.scaling == "none" else self.scaling
        scalings = ", ".join(f"{part} {SCALINGS[kind]}" for part, kind in declared.items() if kind != "none")
        source = self.pretraining
        parts = (
            self.split.describe(),
            scalings,
            self.target_scaling.describe() if self.target_scaling else "",
            f"fine-tuned from {source.property} of {source.dataset} ({source.protocol})" if source else "",
            self.training.describe() if self.training else "",
            self.evaluation.describe(),
            f"{self.ensemble} of the members" if self.ensemble and self.report == "ensemble" else "",
            "the member best on the test set is reported" if self.report == "best_on_test" else "",
        )
        return ", ".join(filter(None, parts))

    def scaling_of(self, parts: Iterable[str]) -> dict[str, ScalingKind]:
        """Return the scaling of each part of a representation that is scaled.

        Args:
            parts: Parts, such as `pa` and `ef`. One that `scaling` does not name is scaled as its module declares; a
                fine-tuned run has the scaling of its pre-training run, and none of its own.
        """
        return {} if self.pretraining else scaling_of(self.scaling, parts)

    @property
    def reduced(self) -> tuple[str, ...]:
        """Where the protocol is smaller than its file declares, in words; empty at full scale."""
        return self._reduced

    def reduced_by(self, reduced: Sequence[str]) -> Self:
        """Remember where the protocol is smaller than its file declares."""
        self._reduced = tuple(reduced)
        return self

    @property
    def members_per_split(self) -> int:
        """How many members in a row share a split and differ by their seed alone."""
        if isinstance(self.split, Pretraining):  # what it excludes is the same for members of one fine-tuned fold
            return int(self.written["split"].get("members_per_fold", 1))
        return self.split.members_per_split

    @property
    def n_random_test_sets(self) -> int | None:
        """Number of test sets drawn at random among all materials; None where chance does not choose them.

        The member that is best on its test set was not chosen by chance either.
        """
        return None if self.report == "best_on_test" else self.split.n_random_test_sets

    def switches_on(self, path: str) -> bool:
        """Return whether a key such as `split.hold_out` is given and not false."""
        found: Any = self
        for key in path.split("."):
            found = getattr(found, key, None)
        return bool(found)

    def clips(self, property_: Property) -> bool:
        """Return whether predictions of a property are clipped; `auto` follows from its `minimum`."""
        return property_.minimum is not None if self.clip_predictions == "auto" else self.clip_predictions

    def training_parameters(self, property_: Property, parts: Iterable[str]) -> Parameters:
        """Return what training depends on, for a property and the parts of a representation."""
        written = self.written_without("title", "report", "ensemble", "uncertainty", "scaling", "nested")
        scaling = self.scaling_of(parts)
        clips = {"clip_predictions": self.clips(property_)}
        return written | clips | ({"scaling": scaling} if scaling else {})

    def evaluation_parameters(self) -> Parameters:
        """Return what evaluation depends on besides predictions."""
        cfg: Parameters = {"report": self.report}
        if self.ensemble is None:
            return cfg
        own = {"ensemble": self.ensemble, "uncertainty": self.uncertainty}
        return cfg | own | {"members_per_split": self.members_per_split}

    def for_training(self) -> Protocol:
        """Return the protocol with only what training depends on."""
        return self.model_copy(
            update={"title": "", "report": "mean", "ensemble": None, "uncertainty": False, "nested": None}
        )


def scaling_of(declared: Mapping[str, ScalingKind] | Literal["none"], parts: Iterable[str]) -> dict[str, ScalingKind]:
    """Return the scaling of each part of a representation that is scaled; see `Protocol.scaling_of`."""
    kinds = {} if declared == "none" else {part: declared.get(part, natural_scaling(part)) for part in parts}
    return {part: kind for part, kind in kinds.items() if kind != "none"}
