"""Write `workflow/schemas/estimators.json`: which values the parameters of the estimators may have.

    python -m elemflow.tools.estimator_limits

Those of scikit-learn are its own constraints. LightGBM, XGBoost and CatBoost keep theirs in compiled code; here they
stand as their references of parameters have them.
"""

import importlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from elemflow.config.estimator_values import FILE
from elemflow.config.estimators import ESTIMATORS, Entry

Allowed = dict[str, Any]

COUNT = {"type": "integer", "low": 1}
AT_LEAST_0 = {"type": "integer", "low": 0}
ANY_INTEGER = {"type": "integer"}
NOT_NEGATIVE = {"type": "number", "low": 0}
POSITIVE = {"type": "number", "low": 0, "closed": "right"}
SHARE = {"type": "number", "low": 0, "high": 1, "closed": "right"}
TEXT = {"type": "text"}
NULL = {"type": "null"}


def _one_of(text: str) -> Allowed:
    return {"type": "text", "options": text.split()}


BOOSTED: dict[str, dict[str, Allowed]] = {
    "lightgbm": {
        "boosting_type": _one_of("gbdt rf dart goss"), "colsample_bytree": SHARE, "learning_rate": POSITIVE,
        "max_depth": ANY_INTEGER, "min_child_samples": AT_LEAST_0, "min_child_weight": NOT_NEGATIVE,
        "min_split_gain": NOT_NEGATIVE, "n_estimators": COUNT,
        "num_leaves": {"type": "integer", "low": 2, "high": 131_072}, "objective": TEXT, "reg_alpha": NOT_NEGATIVE,
        "reg_lambda": NOT_NEGATIVE, "subsample": SHARE, "subsample_for_bin": COUNT, "subsample_freq": ANY_INTEGER,
    },
    "xgboost": {
        "booster": _one_of("gbtree gblinear dart"), "colsample_bylevel": SHARE, "colsample_bynode": SHARE,
        "colsample_bytree": SHARE, "gamma": NOT_NEGATIVE, "grow_policy": _one_of("depthwise lossguide"),
        "learning_rate": NOT_NEGATIVE, "max_bin": {"type": "integer", "low": 2}, "max_depth": AT_LEAST_0,
        "max_leaves": AT_LEAST_0, "min_child_weight": NOT_NEGATIVE, "n_estimators": COUNT, "num_parallel_tree": COUNT,
        "objective": TEXT, "reg_alpha": NOT_NEGATIVE, "reg_lambda": NOT_NEGATIVE, "subsample": SHARE,
        "tree_method": _one_of("auto exact approx hist"),
    },
    "catboost": {
        "bagging_temperature": NOT_NEGATIVE, "bootstrap_type": _one_of("Bayesian Bernoulli MVS No"),
        "border_count": {"type": "integer", "low": 1, "high": 65_535},
        "depth": {"type": "integer", "low": 1, "high": 16},
        "grow_policy": _one_of("SymmetricTree Depthwise Lossguide"), "iterations": COUNT, "l2_leaf_reg": NOT_NEGATIVE,
        "leaf_estimation_iterations": COUNT, "learning_rate": POSITIVE, "loss_function": TEXT,
        "max_leaves": {"type": "integer", "low": 2}, "min_data_in_leaf": COUNT, "random_strength": NOT_NEGATIVE,
        "rsm": SHARE, "score_function": _one_of("Cosine L2 NewtonCosine NewtonL2"), "subsample": SHARE,
    },
}  # fmt: skip
"""https://lightgbm.readthedocs.io/en/stable/Parameters.html, https://xgboost.readthedocs.io/en/stable/parameter.html,
https://catboost.ai/docs/en/references/training-parameters"""
OR_NULL = frozenset({"xgboost", "catboost"})
"""Libraries whose parameters are null by default."""

TYPES = {"Integral": "integer", "Real": "number", "RealNotInt": "float"}
"""Types of scikit-learn's intervals."""


def collect() -> dict[str, dict[str, list[Allowed]]]:
    """Return the limits of all parameters that a config may set."""
    return {name: dict(_of(name, entry)) for name, entry in ESTIMATORS.items()}


def _of(name: str, entry: Entry) -> Iterator[tuple[str, list[Allowed]]]:
    """Yield the parameters of an estimator with their limits."""
    if name in BOOSTED:
        for key in sorted(entry.parameters):
            yield key, [BOOSTED[name][key], *([NULL] if name in OR_NULL else [])]
        return
    constraints = getattr(importlib.import_module(entry.module), entry.name)._parameter_constraints  # noqa: SLF001
    for key in sorted(entry.parameters):
        yield key, list(_of_sklearn(constraints[key]))


def _of_sklearn(constraints: Iterable[Any]) -> Iterator[Allowed]:
    """Yield the constraints of scikit-learn that YAML has values for."""
    for each in constraints:
        kind = type(each).__name__
        if each is None:
            yield NULL
        elif each == "boolean":
            yield {"type": "boolean"}
        elif each == "array-like":
            yield {"type": "array"}
        elif kind == "Interval":
            ends = {"low": each.left, "high": each.right}
            finite = {key: float(value) for key, value in ends.items() if value is not None}
            yield {"type": TYPES[each.type.__name__]} | finite | {"closed": each.closed}
        elif kind == "StrOptions":
            yield {"type": "text", "options": sorted(each.options - each.deprecated)}


def render() -> str:
    """Return the file: a line per parameter."""
    parts = [
        f'"{name}": {{\n' + ",\n".join(f"  {json.dumps(key)}: {json.dumps(each)}" for key, each in own.items()) + "\n}"
        for name, own in collect().items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
