"""A network that is fine-tuned from a base, with scikit-learn's interface."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from elemflow.config.base import NetworkShape
from elemflow.core.errors import DataError
from elemflow.features.scaling import Scaling
from elemflow.multitask.finetune import HeadChoice, ScheduleChoice, fine_tune
from elemflow.multitask.from_run import open_start
from elemflow.multitask.network import predict


class FineTunedBase(RegressorMixin, BaseEstimator):
    """Fine-tune a network of a base, or of an exported run, on unscaled features of its representation.

    Args:
        file: The base or the exported run: a path below the folder of the project, or absolute.
        sha256: SHA-256 that the file must have; None for any.
        head: `nearest` starts from the head that correlates best with the training values, `new` from a random one.
        seed: Seed of the order of rows; its remainder chooses the network of the base.
        schedule: `rows` follows from the number of rows, `short` is for values that the base has learned.

    Attributes:
        head_: Id of the head that it started from; empty for a new one.
        correlation_: Squared correlation of its predictions with the training values.
    """

    def __init__(
        self,
        file: str,
        sha256: str | None = None,
        head: HeadChoice = "nearest",
        seed: int = 0,
        schedule: ScheduleChoice = "rows",
    ):
        self.file, self.sha256, self.head, self.seed, self.schedule = file, sha256, head, seed, schedule

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:  # noqa: N803  scikit-learn's name
        """Fine-tune all weights.

        Args:
            X: Features (rows, features).
            y: Values (rows,).

        Raises:
            DataError: The file is not the declared one, the features are not those of the base, or `y` does not vary.
            TrainingError: The training diverged.
        """
        base = open_start(self.file, self.sha256)
        if X.shape[1] != len(base.scaling.mean):
            raise DataError(
                f"{self.file}: reads {len(base.scaling.mean)} features ({base.facts.representation}), and the run has "
                f"{X.shape[1]}. Use the representation '{base.facts.representation}'."
            )
        self.center_, self.scale_ = float(np.median(y)), float(np.std(y))
        if not self.scale_ > 0:
            raise DataError(f"all {len(y)} training values are {y[0]:g}; there is nothing to learn.")
        self.shape_, self.scaling_ = base.facts.network.plain(), vars(base.scaling)
        scaled, targets = base.scaling.apply(X), (y - self.center_) / self.scale_
        pretrained = base.weights[self.seed % len(base.weights)]
        network = base.facts.network
        self.weights_, start = fine_tune(pretrained, network, scaled, targets, self.seed, self.head, self.schedule)
        self.head_ = "" if start.head is None else base.heads[start.head]
        self.correlation_ = start.correlation
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:  # noqa: N803  scikit-learn's name
        """Return predictions, float64 (rows,), of unscaled features (rows, features)."""
        shape = NetworkShape.model_validate(self.shape_)
        found = predict(self.weights_, Scaling(**self.scaling_).apply(X), shape)[:, 0]
        return found.astype(np.float64) * self.scale_ + self.center_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags
