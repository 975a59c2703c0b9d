"""Which values the parameters of estimators may have, known without importing the libraries.

`workflow/schemas/estimators.json` holds the libraries' own constraints; `elemflow.tools.estimator_limits` writes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf, isfinite
from typing import Any

from elemflow.config.yaml_schema import SCHEMAS
from elemflow.core.errors import ConfigError, nearest

FILE = SCHEMAS / "estimators.json"
MAX_TREES = 100_000
"""Most trees or boosting rounds: more take more memory than any machine of today has."""
TREE_COUNTS = ("n_estimators", "iterations")


@dataclass(frozen=True)
class Limit:
    """Values of one type that a parameter may have.

    Attributes:
        type: `integer`, `number`, `float` (a number with a decimal point), `boolean`, `null`, `array` or `text`.
        low: Smallest number; None if nothing bounds it.
        high: Largest number.
        closed: Which ends belong to the range: `left`, `right`, `both` or `neither`.
        options: The texts; None for any.
    """

    type: str
    low: float | None = None
    high: float | None = None
    closed: str = "both"
    options: tuple[str, ...] | None = None

    def allows(self, value: object) -> bool:
        """Return whether a value is one of these."""
        match value:
            case None:
                return self.type == "null"
            case bool():
                return self.type == "boolean"
            case str():
                return self.type == "text" and (self.options is None or value in self.options)
            case int() | float():
                return self._has(value)
        return self.type == "array"

    def _has(self, value: float) -> bool:
        """Return whether a number has the type and lies in the range."""
        types = ("integer", "number") if isinstance(value, int) else ("number", "float")
        if self.type not in types or not isfinite(value):
            return False
        low, high = -inf if self.low is None else self.low, inf if self.high is None else self.high
        above = value >= low if self.closed in {"left", "both"} else value > low
        return above and (value <= high if self.closed in {"right", "both"} else value < high)

    def __str__(self) -> str:
        names = {"integer": "a whole number", "number": "a number", "float": "a number with a decimal point",
                 "boolean": "true or false", "null": "null", "array": "a list", "text": "a text"}  # fmt: skip
        if self.options:
            return ", ".join(self.options)
        open_left, open_right = self.closed in {"right", "neither"}, self.closed in {"left", "neither"}
        ends = [] if self.low is None else [f"{'above' if open_left else 'from'} {self.low:g}"]
        ends += [] if self.high is None else [f"{'below' if open_right else 'to'} {self.high:g}"]
        return " ".join([names[self.type], *ends])


@cache
def read_limits() -> Mapping[str, Mapping[str, tuple[Limit, ...]]]:
    """Return what each parameter of each estimator may be; a value must be allowed by one of its limits."""
    stored: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: {key: tuple(_limit(**each) for each in limits) for key, limits in parameters.items()}
        for name, parameters in stored.items()
    }


def _limit(*, options: list[str] | None = None, **others: Any) -> Limit:
    return Limit(**others, options=None if options is None else tuple(options))


def check_value(estimator: str, key: str, value: object, where: str) -> None:
    """Check a value of a parameter.

    Args:
        estimator: Key of `elemflow.config.estimators.ESTIMATORS`.
        key: A parameter of it.
        value: The value.
        where: File and key.

    Raises:
        ConfigError: The library refuses the value, or it requires more trees than a machine can hold.
    """
    limits = read_limits()[estimator].get(key, ())
    if limits and not any(limit.allows(value) for limit in limits):
        texts = [text for limit in limits for text in limit.options or ()]
        hint = nearest(value, texts) if isinstance(value, str) else ""
        allowed = "; ".join(map(str, limits))
        raise ConfigError(f"{where}: {estimator} does not take {value!r:.100}. Allowed: {allowed}.{hint}")
    if key in TREE_COUNTS and isinstance(value, int) and value > MAX_TREES:
        raise ConfigError(f"{where}: {value:,} trees do not fit into memory; at most {MAX_TREES:,} are allowed.")
