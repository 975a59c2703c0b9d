"""Variations: a protocol or model with a few keys changed, named after the changes and without a file of its own.

`with: {split.train_rows: 1000}` in a study varies the protocol of a cell, `with: {model.spec.width_factor: 0.5}` its
model. The id of a variation is that of the file, then `@` and the changes, such as `huang2020_dnn@train_rows=1000`. It
is a folder name, and can be typed in a target of the command line. A key is shortened to its last part where no other
key ends alike; keys are sorted, and a change to the value that the file has already is no change.
"""

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from elemflow.config.model import BestOfModel, EstimatorModel, NetworkModel, SearchModel
from elemflow.config.protocol import Protocol
from elemflow.core.declared import Parameters
from elemflow.core.errors import ConfigError, nearest
from elemflow.networks.families.registry import network_families
from elemflow.splits.schemes.registry import split_schemes

MARK = "@"
MODEL = "model."
"""Prefix of the keys of models under `with`; the others are those of protocols."""
NOT_VARIED = ("title", "published", "kind", "exclude", "candidates", "members_of_fine_tuned", "nested")
NULLABLE = ("training.early_stopping", "training.learning_rate_reduction", "training.schedule",
            "training.validate_every_steps", "max_rows")  # fmt: skip
"""Keys for which null is a value; elsewhere null removes the key."""
OF_RUNS = ("dataset", "property", "representation", "model", "protocol")
"""Keys that are never shortened, since a run has keys of these names."""
WORDS = {
    "split.train_rows": "training rows",
    "split.members": "members",
    "split.splits": "splits",
    "split.hold_out.element": "held-out element",
    "split.hold_out.train_fraction": "share of it in the training set",
    "training.max_epochs": "epochs",
    "training.early_stopping.patience": "patience",
    "training.early_stopping.monitor": "early stopping on",
}
"""How captions call some keys; others are called by their last part."""

Changes = dict[str, Any]
"""Values by dotted key."""
T = TypeVar("T")


class WithVariations(dict[str, T], Generic[T]):
    """Declarations by id; the id of a variation is resolved when it is looked up, and not iterated over.

    Args:
        files: The declarations of files, by id.
        vary: Returns the declaration of the id of a variation; raises ConfigError if there is none.
        keys: Keys that can be varied, with their short forms.
        bases: How what changes are made to was written, by id.
    """

    def __init__(
        self,
        files: Mapping[str, T],
        vary: Callable[[str], T],
        keys: Mapping[str, str],
        bases: Mapping[str, Parameters],
    ):
        super().__init__(files)
        self._vary, self._keys, self._bases = vary, keys, bases
        self._varied: dict[str, T] = {}

    def name(self, declared: str, changes: Changes, where: str) -> str:
        """Return the id of an id with further changes.

        Raises:
            ConfigError: The variation cannot be named, or is not allowed.
        """
        base, _, text = declared.partition(MARK)
        earlier = {resolve(key, self._keys, where): value for key, value in read_changes(text).items()} if text else {}
        name = variation_id(
            base,
            effective({**earlier, **changes}, self._bases[base]),
            self._keys,
            where,
        )
        try:
            self[name]
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None
        return name

    def __missing__(self, name: str) -> T:
        if name.partition(MARK)[0] not in self or MARK not in name:
            raise KeyError(name)
        if name not in self._varied:
            self._varied[name] = self._vary(name)
        return self._varied[name]

    def __contains__(self, name: object) -> bool:
        """Return whether a file has this id, or the id is that of a variation of one.

        Raises:
            ConfigError: The file exists, and cannot be varied like that.
        """
        if not isinstance(name, str) or MARK not in name:
            return super().__contains__(name)
        return super().__contains__(name.partition(MARK)[0]) and bool(self[name])


@cache
def protocol_keys() -> dict[str, str]:
    """Return the keys of protocols that can be varied, with their short forms."""
    own = [path for path in _paths(Protocol) if path != "split"]
    splits = (f"split.{path}" for scheme in split_schemes().values() for path in _paths(scheme))
    return _shortened({*own, *splits})


@cache
def model_keys() -> dict[str, str]:
    """Return the keys of models that can be varied, without the prefix `model.`, with their short forms."""
    kinds = (NetworkModel, EstimatorModel, BestOfModel, SearchModel)
    own = (path for kind in kinds for path in _paths(kind))
    specs = (f"spec.{path}" for family in network_families().values() for path in _paths(family))
    return _shortened({*own, *specs})


def _shortened(paths: set[str]) -> dict[str, str]:
    last = [*(path.rpartition(".")[2] for path in paths), *OF_RUNS, *OF_RUNS]
    return {path: short if last.count(short := path.rpartition(".")[2]) == 1 else path for path in sorted(paths)}


def _paths(declared: type[BaseModel], above: str = "") -> Iterator[str]:
    """Yield the dotted keys of the fields of a class and of the classes of its fields."""
    for name, field in declared.model_fields.items():
        path = above + (field.alias or name)
        if path in NOT_VARIED:
            continue
        yield path
        for each in _classes(field.annotation):
            yield from _paths(each, f"{path}.")


def _classes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        for each in typing.get_args(annotation):
            yield from _classes(each)


def flatten(declared: Mapping[str, Any], above: str = "") -> Changes:
    """Return nested mappings as one with dotted keys."""
    found: Changes = {}
    for key, value in declared.items():
        found |= flatten(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return found


def nest(changes: Changes) -> dict[str, Any]:
    """Return dotted keys as nested mappings."""
    nested: dict[str, Any] = {}
    for path, value in changes.items():
        *above, last = path.split(".")
        place = nested
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return nested


def resolve(key: str, known: Mapping[str, str], where: str) -> str:
    """Return the dotted form of a key that may be short.

    Raises:
        ConfigError: No such key can be varied, or the short form stands for several.
    """
    if key in known or any(key.startswith(f"{open_key}.") for open_key in ("scaling", "parameters", "spec.options")):
        return key
    full = [path for path in known if path.rpartition(".")[2] == key]
    if len(full) == 1:
        return full[0]
    if full:
        raise ConfigError(f"{where}: several keys end in '{key}'. Write {' or '.join(full)}.")
    raise ConfigError(
        f"{where}: no key '{key}' that can be varied.{nearest(key, [*known, *known.values()])} "
        "docs/reference/configuration.md has all."
    )


def split_changes(declared: Mapping[str, Any], where: str) -> tuple[Changes, Changes]:
    """Return the changes that a `with` makes to the protocol and to the model, by dotted key.

    Raises:
        ConfigError: A key does not exist.
    """
    of_protocol: Changes = {}
    of_model: Changes = {}
    for key, value in flatten(declared).items():
        if key.startswith(MODEL):
            of_model[resolve(key.removeprefix(MODEL), model_keys(), where)] = value
        else:
            of_protocol[resolve(key, protocol_keys(), where)] = value
    return of_protocol, of_model


def variation_id(base: str, changes: Changes, known: Mapping[str, str], where: str) -> str:
    """Return the id of a variation; that of the file if nothing changes.

    Raises:
        ConfigError: A value cannot be part of a folder name.
    """
    parts = []
    for path, value in sorted(changes.items()):
        text = format_value(value)
        if not re.fullmatch(r"[A-Za-z0-9_.+-]+", text):
            raise ConfigError(
                f"{where}: found {text} for '{path}'. A variation takes numbers, words, true, false, null."
            )
        parts.append(f"{known.get(path, path)}={text}")
    return f"{base}{MARK}{','.join(parts)}" if parts else base


def format_value(value: Any) -> str:
    """Write a value as in an id: numbers in their shortest form, words as they are."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def read_value(text: str) -> Any:
    """Read a value of an id; see `format_value`."""
    if text in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def read_changes(text: str) -> Changes:
    """Read the part of an id behind `@`; keys stay as they are written."""
    pairs = (part.partition("=") for part in text.split(","))
    return {key: read_value(value) for key, _, value in pairs}


def effective(changes: Changes, base: Mapping[str, Any]) -> Changes:
    """Return the changes that differ from the declaration that they are made to.

    A section whose scheme or family changes is another one, of which every key counts.
    """
    other = tuple(
        path.rpartition(".")[0] + "."
        for path, value in changes.items()
        if path.rpartition(".")[2] in ("scheme", "family") and value_at(base, path) != value
    )
    return {
        path: value
        for path, value in changes.items()
        if (other and path.startswith(other)) or value_at(base, path) != _plain(path, value)
    }


def _plain(path: str, value: Any) -> Any:
    return None if path == "ensemble" and value == "none" else value


def value_at(declared: Any, path: str) -> Any:
    """Return the value at a dotted key; None if there is none."""
    for key in path.split("."):
        if not isinstance(declared, Mapping) or key not in declared:
            return None
        declared = declared[key]
    return declared


def drop_removed(declared: dict[str, Any], changes: Changes) -> None:
    """Remove the keys that changes set to null, where null is no value of theirs."""
    for path, value in changes.items():
        if value is None and path not in NULLABLE:
            *above, last = path.split(".")
            place = declared
            for key in above:
                place = place.get(key, {})
            place.pop(last, None)


def describe(name: str, known: Mapping[str, str]) -> str:
    """Return the changes of a variation's id in words, such as `training rows 1,000`; empty for that of a file."""
    _, mark, text = name.partition(MARK)
    full = {short: path for path, short in known.items()}
    return describe_changes({full.get(key, key): value for key, value in read_changes(text).items()}) if mark else ""


def describe_changes(changes: Changes) -> str:
    """Return changes in words, such as `training rows 1,000, members 1`."""
    return ", ".join(_describe(path.removeprefix(MODEL), value) for path, value in changes.items())


def _describe(path: str, value: Any) -> str:
    word = WORDS.get(path, path.rpartition(".")[2].replace("_", " "))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{word} {f'{value:,}' if number else {None: 'none', True: 'yes', False: 'no'}.get(value, value)}"
