"""Settings with which a run was trained, next to those that a plan declares."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from elemflow.config.kinds import parts_of
from elemflow.config.load import Settings
from elemflow.config.model import read_model
from elemflow.config.protocol import Protocol
from elemflow.core.run import Run

WITHOUT_NUMBERS = frozenset({"protocol.training.engine", "protocol.training.parallel_members"})
"""Settings of a run that choose how it is computed: both engines train the same network, to the last digits."""


def find_other_settings(cfg: Mapping[str, Any], declared: Mapping[str, Any], *, known_only: bool = False) -> list[str]:
    """Return the settings of a run that are others than declared, in words; nothing if there are none.

    Args:
        cfg: `cfg` of its `run_info.json`, with `model` and `protocol`.
        declared: What `declared_settings` returns.
        known_only: Whether keys that this version of the project does not know are left out, as those that have
            another name since; they cannot be compared.

    Raises:
        ValidationError: They are settings of another version of this project.
    """
    model, protocol = cfg["model"], cfg["protocol"]
    if known_only:
        model, protocol = _without_unknown(read_model, model), _without_unknown(Protocol.model_validate, protocol)
    return list(_differing(_as_stored(model, protocol), declared))


def _without_unknown(read: Callable[[Mapping[str, Any]], object], found: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        read(found)
    except ValidationError as error:
        unknown = [each["loc"] for each in error.errors() if each["type"] == "extra_forbidden"]
        return _drop(found, unknown) if unknown else found
    return found


def _drop(found: Mapping[str, Any], unknown: Sequence[tuple[str | int, ...]]) -> dict[str, Any]:
    """Return a mapping without some keys, each with the keys that lead to it."""
    kept = {}
    for key, value in found.items():
        within = [loc[1:] for loc in unknown if loc[0] == key]
        if () not in within:
            kept[key] = _drop(value, within) if within and isinstance(value, Mapping) else value
    return kept


def list_unknown(error: ValidationError) -> str:
    """Return the keys of settings that this version of the project does not know."""
    return ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))


def declared_settings(settings: Settings, run: Run) -> dict[str, Any]:
    """Return the settings with which a configuration trains a run."""
    dataset, protocol = settings.datasets[run.dataset], settings.protocol(run.protocol)
    return _as_stored(
        settings.models[run.model].training_parameters(),
        protocol.training_parameters(dataset.properties[run.property], parts_of(run.representation)),
    )


def _as_stored(model: Mapping[str, Any], protocol: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a job stores them: without defaults, and with the kinds of a search's candidates."""
    return {
        "model": read_model(model).for_training().plain(),
        "protocol": Protocol.model_validate(protocol).for_training().plain(),
    }


def _differing(found: Mapping[str, Any], declared: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """Yield the settings of a run that are others than declared; those that it lacks are younger than the run."""
    for key, value in found.items():
        name = f"{where}{key}"
        if name in WITHOUT_NUMBERS or (not where and key not in declared):
            continue
        expected = declared.get(key)
        if isinstance(value, Mapping) and isinstance(expected, Mapping):
            yield from _differing(value, expected, f"{name}.")
        elif value != expected:
            yield f"{name} {value!r} in place of {expected!r}"
