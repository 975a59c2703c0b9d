"""What scikit-learn requires of a regressor that comes fitted; scikit-learn is imported when it is used."""

from abc import ABC, abstractmethod
from typing import Any, NoReturn, Self

import numpy as np


class FittedRegressor(ABC):
    """A regressor that scikit-learn can score, wrap and put at the end of a pipeline, but not fit.

    A copy of it is the regressor itself, so that no tool loses what it has learned. For tools that insist on fitting,
    such as cross-validation, wrap it in `sklearn.frozen.FrozenEstimator`; their scores are then those of a model that
    has seen what it was trained on.

    Attributes:
        parameters: What it was made with, by name.
    """

    parameters: dict[str, Any]

    @abstractmethod
    def predict(self, X: Any) -> np.ndarray:  # noqa: N803  scikit-learn's name
        """Return predictions (materials,)."""

    def fit(self, X: Any, y: Any = None) -> NoReturn:  # noqa: ARG002, N803  scikit-learn's names
        """Refuse to be fitted.

        Args:
            X: Not read.
            y: Not read.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            f"{type(self).__name__} is a trained run and is not fitted again; train with the workflow. To evaluate it "
            "as it is, wrap it: sklearn.frozen.FrozenEstimator(predictor)."
        )

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803  scikit-learn's name
        """Return the coefficient of determination of the predictions.

        Args:
            X: See `predict`.
            y: True values (materials,), in the unit of the property.
            sample_weight: Weights (materials,); None weighs all alike.
        """
        from sklearn.metrics import r2_score  # noqa: PLC0415  half a second that predictions do not need

        return float(r2_score(y, self.predict(X), sample_weight=sample_weight))

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002  scikit-learn's signature
        """Return what it was made with.

        Args:
            deep: Not read.
        """
        return dict(self.parameters)

    def __sklearn_clone__(self) -> Self:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags  # noqa: PLC0415  see `score`

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=False),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(two_d_array=False, string=True),
            requires_fit=False,
        )
