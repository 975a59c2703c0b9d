"""Features as a scikit-learn transformer, to stand in anyone's pipeline."""

from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from elemflow.config.kinds import parts_of
from elemflow.core.errors import ConfigError, DataError
from elemflow.features.materials import as_list, featurize_materials
from elemflow.features.store import load_descriptors

ERRORS = ("raise", "nan")
"""What can be done with a material without features."""
SHOWN = 60
"""Characters of a material that a message shows."""


class Features(TransformerMixin, BaseEstimator):
    """Turn formulas or crystal structures into numbers.

    Args:
        representation: Parts, joined by `+`: `ef` 86 elemental fractions, `pa` 145 Magpie attributes, `st` 126 Voronoi
            attributes of structures; see docs/reference/representations.md.
        errors: `raise`, or `nan` for rows of NaN where a material has no features.

    Example:
        >>> from elemflow import Features
        >>> features = Features("ef")
        >>> x = features.fit_transform(["Fe2O3", "NaCl"])
        >>> x.shape
        (2, 86)
        >>> names = features.get_feature_names_out()
        >>> {str(name): round(float(value), 2) for name, value in zip(names, x[0]) if value}
        {'O': 0.6, 'Fe': 0.4}
    """

    def __init__(self, representation: str = "ef", errors: Literal["raise", "nan"] = "raise"):
        self.representation = representation
        self.errors = errors

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's names
        """Check the parameters; nothing is learned.

        Args:
            X: Not read.
            y: Not read.

        Raises:
            ConfigError: A part or the value of `errors` is unknown.
        """
        self._check()
        return self

    def _check(self) -> None:
        parts_of(self.representation)
        if self.errors not in ERRORS:
            raise ConfigError(f"errors='{self.errors}': unknown. Allowed: {', '.join(ERRORS)}.")

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803  scikit-learn's name
        """Return the features of materials.

        Args:
            X: Formulas or structures: a list, a Series, or an array or frame with one column.

        Returns:
            Float32 array (materials, columns).

        Raises:
            ConfigError: A part or the value of `errors` is unknown.
            DataError: A material has no features; names row, material and reason. Not with `errors="nan"`.
        """
        self._check()
        materials = as_list(X)
        found = featurize_materials(self.representation, materials)
        bad = next((row for row, reason in enumerate(found.reasons) if reason), None)
        if bad is not None and self.errors == "raise":
            raise DataError(f"row {bad + 1}, {str(materials[bad])[:SHOWN]!r}: {found.reasons[bad]}")
        return found.x

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:  # noqa: ARG002  scikit-learn's name
        """Return the names of the columns (columns,).

        Args:
            input_features: Not read.
        """
        labels = [label for part in parts_of(self.representation) for label in load_descriptors(part).LABELS]
        return np.array(labels, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
