"""Searches over networks: what a set of choices makes of a network and of its training."""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from elemflow.config.model import ChoiceRange, Choices, NetworkSearchModel
from elemflow.config.protocol import Protocol, Training
from elemflow.config.yaml_schema import check
from elemflow.core.errors import ConfigError, nearest
from elemflow.networks.families.registry import read_spec
from elemflow.networks.spec import NetworkSpec

SPEC, TRAINING = "spec", "training"
NOT_CHOSEN = ("engine", "parallel_members", "record_test", "by_training_size")
"""Settings that decide nothing in a trial, which is one training of one size in a process with one engine."""
INSIDE = 0.3819
"""Place in a range that no bound stands for."""


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
        if plain.get(name) is None:  # such as the early stopping of a protocol without any
            plain[name] = {}
        plain = plain[name]
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
        if rest.split(".")[0] in NOT_CHOSEN:
            raise ConfigError(f"{place}: decides nothing in a trial. Set it in the protocol or the network itself.")
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


def check_search(name: str, model: NetworkSearchModel, protocol: Protocol, where: str) -> None:
    """Check that a protocol lets a search choose on a validation set, and that it allows every choice.

    Args:
        name: Id of the model.
        model: The search.
        protocol: The protocol.
        where: How messages call the run.

    Raises:
        ConfigError: The protocol has no validation set, stops by the test set, or starts from the weights of another
            run; or a choice stops by the test set, or has a value that a protocol cannot have.
    """
    for reason, wrong in _obstacles(protocol, monitors_test=_monitors_test(protocol.training)):
        if wrong:
            raise ConfigError(
                f"{where}: model '{name}' searches over networks by the error on a validation set, and the protocol "
                f"{reason}. Name one with a validation set that stops the training."
            )
    if protocol.training is None:
        return
    for key in model.space:
        place = f"{where}: model '{name}': key 'space.{key}'"
        for value in _examples(model.space[key]):
            _check_choice(model, protocol, key, value, place)


def _examples(choices: Choices) -> list[Any]:
    """Return the values of a choice, or the bounds of a range and a number between them."""
    if isinstance(choices, ChoiceRange):
        return [choices.low, choices.high, choices.low + INSIDE * (choices.high - choices.low)]
    return list(values_of(choices).values())


def _check_choice(model: NetworkSearchModel, protocol: Protocol, key: str, value: Any, place: str) -> None:
    """Check that a trial may have a value, with some value of the keys above it that are chosen too."""
    assert protocol.training is not None  # noqa: S101  the caller looked
    above = [other for other in model.space if key.startswith(f"{other}.")]
    refused = []
    combinations = list(product(*(_examples(model.space[other]) for other in above)))
    for chosen in combinations:
        try:
            _, training = applied(model, protocol.training, dict(zip(above, chosen, strict=True)) | {key: value})
            check({**protocol.written, TRAINING: training.plain()}, "protocol", place)
        except ConfigError as error:
            refused.append(f"{place}: {error}".replace(f"{place}: {place}: ", f"{place}: "))
            continue
        if _monitors_test(training):
            raise ConfigError(
                f"{place}: trials are compared by the error on the validation set, and this one monitors the test set."
            )
    if len(refused) == len(combinations):
        raise ConfigError(refused[0])


def _monitors_test(training: Training | None) -> bool:
    stopping = training.early_stopping if training else None
    return bool(stopping and stopping.monitor == "test")


def _obstacles(protocol: Protocol, *, monitors_test: bool) -> Iterator[tuple[str, bool]]:
    yield "has none", not protocol.split.has_validation
    yield "stops by the test set", monitors_test
    yield "starts from the weights of a pre-training run", protocol.pretraining is not None
