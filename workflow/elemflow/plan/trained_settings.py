"""Settings with which a run was trained, next to those that a plan declares."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from elemflow.config.kinds import parts_of
from elemflow.config.load import Settings
from elemflow.config.model import read_model
from elemflow.config.protocol import Protocol
from elemflow.core.run import Run

WITHOUT_NUMBERS = frozenset({"protocol.training.engine", "protocol.training.parallel_members"})
"""Settings of a run that choose how it is computed: both engines train the same network, to the last digits."""
MEMBERS = ("members", "members_per_fold")
"""Keys of a split that say how many members differ by their seed or their random split alone."""


@dataclass(frozen=True)
class DeclaredSettings:
    """Settings with which a configuration trains a run.

    Attributes:
        stored: Model and protocol as a job stores them: without defaults, and with the kinds of a search's candidates.
        members_alone: Whether each member is an error of its own; false for ensembles and for the best of all members.
    """

    stored: Mapping[str, Any]
    members_alone: bool


def find_other_settings(cfg: Mapping[str, Any], declared: DeclaredSettings, *, known_only: bool = False) -> list[str]:
    """Return the settings of a run that are others than declared, in words; nothing if there are none.

    Fewer members are no other settings where each is trained by itself; see `count_fewer_members`.

    Args:
        cfg: `cfg` of its `run_info.json`, with `model` and `protocol`.
        declared: What `declared_settings` returns.
        known_only: Whether keys that this version of the project does not know are left out, as those that have
            another name since; they cannot be compared, nor can keys that such a run lacks.

    Raises:
        ValidationError: They are settings of another version of this project.
    """
    model, protocol = cfg["model"], cfg["protocol"]
    if known_only:
        model, protocol = _without_unknown(read_model, model), _without_unknown(Protocol.model_validate, protocol)
    whole = model is cfg["model"] and protocol is cfg["protocol"]
    fewer = count_fewer_members(cfg, declared) is not None
    passed = {*WITHOUT_NUMBERS, *(f"protocol.split.{key}" for key in MEMBERS if fewer)}
    return list(_differing(_as_stored(model, protocol), declared.stored, passed, lacking=whole))


def count_fewer_members(cfg: Mapping[str, Any], declared: DeclaredSettings) -> tuple[int, int] | None:
    """Return how many members a run has, or has per fold, and how many are declared; None unless it has fewer.

    A member is trained by its own seed and split, whatever their number, so that fewer of them give the same errors of
    fewer trainings. That is not so of an ensemble, nor of the member that is best of all.

    Args:
        cfg: `cfg` of its `run_info.json`.
        declared: What `declared_settings` returns.
    """
    if not declared.members_alone:
        return None
    splits = cfg["protocol"]["split"], declared.stored["protocol"]["split"]
    counts = (tuple(split.get(key, 1) for split in splits) for key in MEMBERS)
    return next(((found, whole) for found, whole in counts if found < whole), None)


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


def declared_settings(settings: Settings, run: Run) -> DeclaredSettings:
    """Return the settings with which a configuration trains a run."""
    dataset, protocol = settings.datasets[run.dataset], settings.protocol(run.protocol)
    stored = _as_stored(
        settings.models[run.model].training_parameters(),
        protocol.training_parameters(dataset.properties[run.property], parts_of(run.representation)),
    )
    return DeclaredSettings(stored, members_alone=not protocol.ensemble and protocol.report == "mean")


def _as_stored(model: Mapping[str, Any], protocol: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a job stores them: without defaults, and with the kinds of a search's candidates."""
    return {
        "model": read_model(model).for_training().plain(),
        "protocol": Protocol.model_validate(protocol).for_training().plain(),
    }


def _differing(
    found: Mapping[str, Any], declared: Mapping[str, Any], passed: Collection[str], where: str = "", *, lacking: bool
) -> Iterator[str]:
    """Yield the settings of a run that are others than declared; one that neither names has its default in both.

    Args:
        found: Settings of the run, without defaults.
        declared: Those that are declared.
        passed: Names of settings that are passed over.
        where: Names of the keys that lead to these settings.
        lacking: Whether a setting that the run does not name had its default, other than in an older version.
    """
    for key in [*found, *(key for key in declared if lacking and key not in found)]:
        name, value, expected = f"{where}{key}", found.get(key), declared.get(key)
        if name in passed:
            continue
        if isinstance(value, Mapping) and isinstance(expected, Mapping):
            yield from _differing(value, expected, passed, f"{name}.", lacking=lacking)
        elif value != expected:
            ours, theirs = (repr(each[key]) if key in each else "its default" for each in (found, declared))
            yield f"{name} {ours} in place of {theirs}"
