"""Searches over networks: what a set of choices makes of a network and of its training."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from elemflow.config.model import ChoiceRange, Choices, NetworkSearchModel
from elemflow.config.protocol import Protocol, Training
from elemflow.core.errors import ConfigError, nearest
from elemflow.networks.families.registry import read_spec
from elemflow.networks.spec import NetworkSpec

SPEC, TRAINING = "spec", "training"


def values_of(choices: Choices) -> dict[str, Any]:
    """Return the values of a choice by the names that trials are recorded with; empty for a range."""
    if isinstance(choices, ChoiceRange):
        return {}
    named = choices if isinstance(choices, dict) else {str(value): value for value in choices}
    return dict(named)


def applied(model: NetworkSearchModel, training: Training, chosen: Mapping[str, Any]) -> tuple[NetworkSpec, Training]:
    """Return the network and its training with chosen values.

    Args:
        model: The search.
        training: `training` of the protocol.
        chosen: Values by dotted key; a key above another one, such as `training.optimizer`, is set first.

    Raises:
        ConfigError: The values do not fit each other.
    """
    plain: dict[str, Any] = {SPEC: model.spec.plain(), TRAINING: training.plain()}
    for key in sorted(chosen, key=lambda key: (key.count("."), key)):
        _set(plain, key, chosen[key])
    try:
        return read_spec(plain[SPEC]), Training.model_validate(plain[TRAINING])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"the choice {dict(chosen)} is none: key '{place}': {first['msg']}.") from None


def _set(plain: dict[str, Any], key: str, value: Any) -> None:
    *above, last = key.split(".")
    for name in above:
        plain = plain.setdefault(name, {})
    plain[last] = value


def check_space(model: NetworkSearchModel, where: str, root: Path) -> None:
    """Check that every key of a search exists, and that every network that it may make fits together.

    Raises:
        ConfigError: Names the key, and what is allowed.
    """
    for key, choices in model.space.items():
        place = f"{where}: key 'space.{key}'"
        first, _, rest = key.partition(".")
        known = type(model.spec if first == SPEC else _ANY_TRAINING).model_fields
        if rest.split(".")[0] not in known:
            raise ConfigError(f"{place}: no such setting.{nearest(rest, known)} Known: {', '.join(known)}.")
        if isinstance(choices, ChoiceRange):
            _check_range(choices, model, place)
        for name, value in values_of(choices).items() if first == SPEC else ():
            try:
                spec, _ = applied(model, _ANY_TRAINING, {key: value})
                spec.check(f"{place}: {name}", root)
            except ConfigError as error:
                raise ConfigError(f"{place}: {error}") from None


def _check_range(choices: ChoiceRange, model: NetworkSearchModel, place: str) -> None:
    if model.sampler == "grid":
        raise ConfigError(f"{place}: a grid needs values, found a range. List them, or use the sampler tpe or random.")
    if not choices.low < choices.high or (choices.log and choices.low <= 0):
        raise ConfigError(f"{place}: from {choices.low:g} to {choices.high:g} is no range; with `log` it is above 0.")


_ANY_TRAINING = Training.model_validate(
    {
        "optimizer": {"name": "adam", "learning_rate": 1e-3},
        "batch_size": 32,
        "loss": "mae",
        "max_epochs": 1,
        "early_stopping": None,
    }
)


def check_search(model: str, protocol: Protocol, where: str) -> None:
    """Check that a protocol lets a search choose on a validation set.

    Raises:
        ConfigError: It has no validation set, stops by the test set, or starts from the weights of another run.
    """
    stopping = protocol.training.early_stopping if protocol.training else None
    for reason, wrong in _obstacles(protocol, monitors_test=bool(stopping and stopping.monitor == "test")):
        if wrong:
            raise ConfigError(
                f"{where}: model '{model}' searches over networks by the error on a validation set, and the protocol "
                f"{reason}. Name one with a validation set that stops the training."
            )


def _obstacles(protocol: Protocol, *, monitors_test: bool) -> Iterator[tuple[str, bool]]:
    yield "has none", not protocol.split.has_validation
    yield "stops by the test set", monitors_test
    yield "starts from the weights of a pre-training run", protocol.pretraining is not None
