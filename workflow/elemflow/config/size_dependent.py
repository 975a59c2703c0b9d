"""Settings that follow from the number of training rows: epochs and batch of a protocol, width of a network."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from elemflow.core.errors import ConfigError

KEY = "by_training_size"


def settle(cfg: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """Return what a run depends on, with the keys that hold for its number of training rows.

    Args:
        cfg: `model` and `protocol` declarations, among others; `by_training_size` of the spec and of the training
            list entries with `above`, the number of rows from which their other keys replace those next to the list.
        rows: Training rows of the members, the largest number if they differ.

    Returns:
        The same without the lists; `cfg` is left as it is.
    """
    settled = dict(cfg)
    if "training" in cfg["protocol"]:
        settled["protocol"] = cfg["protocol"] | {"training": _laid_over(cfg["protocol"]["training"], rows)}
    if "spec" in cfg["model"]:
        settled["model"] = cfg["model"] | {"spec": _laid_over(cfg["model"]["spec"], rows)}
    return settled


def _laid_over(declared: Mapping[str, Any], rows: int) -> dict[str, Any]:
    found = {key: value for key, value in declared.items() if key != KEY}
    for entry in declared.get(KEY, ()):
        if rows > entry["above"]:
            found |= {key: value for key, value in entry.items() if key != "above"}
    return found


def check_order(entries: Sequence[Mapping[str, Any]], where: str) -> None:
    """Check that later entries hold for more rows.

    Raises:
        ConfigError: Two entries stand in the wrong order.
    """
    bounds = [entry["above"] for entry in entries]
    if any(later <= earlier for earlier, later in pairwise(bounds)):
        found = ", ".join(map(str, bounds))
        raise ConfigError(f"{where}: found `above` {found}. Each must be larger than the one before.")
