"""Protocols and models of files, and their variations: parsed, capped and checked."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from elemflow.config.checks import check_model, check_nested, check_pretraining, check_protocol
from elemflow.config.dataset import Dataset
from elemflow.config.estimators import with_candidates
from elemflow.config.model import Model, read_model
from elemflow.config.protocol import Protocol
from elemflow.config.read import Declarations, drop_ensemble_none, expand_networks
from elemflow.config.scale_caps import Scale, cap, reductions
from elemflow.config.variations import (
    MARK,
    Changes,
    WithVariations,
    describe,
    drop_removed,
    effective,
    model_keys,
    nest,
    protocol_keys,
    read_changes,
    resolve,
    variation_id,
)
from elemflow.config.yaml_schema import check, merge
from elemflow.core.declared import Parameters, first_mistake
from elemflow.core.errors import ConfigError

NAME = ".[key]"
"""What pydantic puts behind a key whose name is the mistake, not its value."""


class ProtocolReader:
    """Reads the protocols of files, and varies them.

    Args:
        found: Their declarations, with overrides and valid by the schema.
        as_declared: The same without overrides.
        scale: Caps over all of them.
        datasets: Datasets by id, for pre-training.
    """

    def __init__(self, found: Declarations, as_declared: Declarations, scale: Scale, datasets: Mapping[str, Dataset]):
        self._found, self._scale, self._datasets = found, scale, datasets
        self._as_declared = {name: Protocol.read(declared, path) for name, (path, declared) in as_declared.items()}
        self._protocols: dict[str, Protocol] = {}

    def read(self) -> WithVariations[Protocol]:
        """Return all protocols by id.

        Raises:
            ConfigError: Names the file, the key, what was found and what is allowed.
        """
        for name, (path, declared) in self._found.items():
            protocol = cap(Protocol.read(declared, path), self._scale, path)
            self._protocols[name] = protocol.reduced_by(reductions(self._as_declared[name], protocol))
        for name, protocol in self._protocols.items():
            check_protocol(protocol, self._found[name][0])
        for name, protocol in self._protocols.items():
            check_pretraining(protocol, self._found[name][0], self._datasets, self._protocols)
            check_nested(protocol, self._found[name][0], self._protocols)
        bases = {name: declared for name, (_, declared) in self._found.items()}
        return WithVariations(self._protocols, self._vary, protocol_keys(), bases)

    def _vary(self, name: str) -> Protocol:
        """Return the protocol of a variation's id."""
        base = name.partition(MARK)[0]
        path, whole = self._found[base]
        where = f"{path}: {name}"
        changes = _read_variation(name, protocol_keys(), whole)
        varied = cap(_read_varied(whole, changes, where), self._scale, where)
        check_protocol(varied, where)
        check_pretraining(varied, where, self._datasets, self._protocols)
        as_declared = merge(self._as_declared[base].written, nest(changes))
        drop_removed(as_declared, changes)
        drop_ensemble_none({name: (where, as_declared)})
        reduced = reductions(Protocol.read(as_declared, where), varied)
        title = f"{whole['title']}; {describe(name, protocol_keys())}" if "title" in whole else None
        titled = varied if title is None else Protocol.read(varied.written | {"title": title})
        return titled.reduced_by(reduced)


def _read_varied(whole: Parameters, changes: Changes, where: str) -> Protocol:
    """Return a protocol with changes, valid by the schema."""
    varied = {where: (where, _varied(whole, changes, "protocol", where))}
    drop_ensemble_none(varied)
    return Protocol.read(varied[where][1], where)


class ModelReader:
    """Reads the models of files, and varies them.

    Args:
        found: Their declarations, valid by the schema.
        root: Folder of the project, where files of networks lie.
    """

    def __init__(self, found: Declarations, root: Path):
        expand_networks(found)
        self._found, self._root = found, root
        self._models: dict[str, Model] = {}

    def read(self) -> WithVariations[Model]:
        """Return all models by id.

        Raises:
            ConfigError: Names the file, the key, what was found and what is allowed.
        """
        self._models = {name: _read_model(declared, path) for name, (path, declared) in self._found.items()}
        for name, model in self._models.items():
            check_model(model, self._found[name][0], self._models, self._root)
        self._models = {name: with_candidates(model, self._models) for name, model in self._models.items()}
        bases = {name: model.written for name, model in self._models.items()}
        return WithVariations(self._models, self._vary, model_keys(), bases)

    def _vary(self, name: str) -> Model:
        """Return the model of a variation's id."""
        path, whole = self._found[name.partition(MARK)[0]]
        where = f"{path}: {name}"
        changes = _read_variation(name, model_keys(), whole)
        varied = {where: (where, _varied(whole, changes, "model", where))}
        expand_networks(varied)
        declared = varied[where][1] | {"title": f"{whole['title']}, {describe(name, model_keys())}"}
        model = _read_model(declared, where)
        check_model(model, where, self._models, self._root)
        return with_candidates(model, self._models)


def _read_model(declared: Parameters, where: str) -> Model:
    """Return the typed declaration of a model, valid by its JSON schema.

    Raises:
        ConfigError: A value is none of its key for a reason that the schema cannot express, such as a number as a key.
    """
    try:
        return read_model(declared)
    except ValidationError as error:
        key, reason = first_mistake(error)
        path = key.removeprefix(f"{declared['kind']}.")  # the union of the kinds is no key
        if path.endswith(NAME):
            path, reason = path.removesuffix(NAME), "the name of this key is no text; write it in quotes"
        raise ConfigError(f"{where}: key '{path}': {reason}") from None


def _read_variation(name: str, known: Mapping[str, str], declared: Parameters) -> Changes:
    """Return the changes of a variation's id, by dotted key.

    Raises:
        ConfigError: A key does not exist, nothing changes, or the id is not written as it would be derived.
    """
    base, _, text = name.partition(MARK)
    changes = {resolve(key, known, name): value for key, value in read_changes(text).items()}
    derived = variation_id(base, effective(changes, declared), known, name)
    if derived != name:
        raise ConfigError(f"{name}: the id of this variation is '{derived}'; write that.")
    return changes


def _varied(declared: Parameters, changes: Changes, schema: str, where: str) -> Parameters:
    """Return a declaration with changes, checked like a file."""
    varied = merge(declared, nest(changes))
    drop_removed(varied, changes)
    check(varied, schema, where)
    return varied
