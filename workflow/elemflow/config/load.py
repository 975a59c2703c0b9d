"""Everything that config/ declares, layered and checked against itself; mistakes are named by file and key.

`elemflow.config.read` reads the files, overrides and `extends`; `elemflow.config.checks` checks what no schema can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from elemflow.config.checks import check_datasets, check_models, check_pretraining, check_protocols, check_read_from
from elemflow.config.dataset import Dataset
from elemflow.config.estimators import resolve_choices
from elemflow.config.model import Model, read_model
from elemflow.config.pretraining import find_protocol
from elemflow.config.protocol import Protocol
from elemflow.config.read import (
    drop_ensemble_none,
    expand_networks,
    extend,
    override,
    read_folders,
    read_top,
    select_studies,
    separate_missing_properties,
)
from elemflow.config.scale_caps import cap, reductions
from elemflow.config.study import Study
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
from elemflow.core.declared import Declared
from elemflow.core.errors import ConfigError

KINDS = {"datasets": "dataset", "models": "model", "protocols": "protocol", "studies": "study"}


class Packing(Declared):
    """How small trainings share a process; see `elemflow.training.packing`.

    Attributes:
        runs: Most runs that one process trains.
        minutes: Time after which it takes no further run.
    """

    runs: int = 8
    minutes: float = 10


Recorded = Literal["ignore", "show", "only"]


class Scale(Declared):
    """Caps over every protocol; None where nothing is capped."""

    max_materials: int | None = None
    max_epochs: int | None = None
    members: int | None = None


@dataclass(frozen=True)
class PlainSettings:
    """The settings as plain values, for rooms that do not read typed ones yet; the same fields as `Settings`."""

    selected: list[str]
    datasets: dict[str, dict[str, Any]]
    models: WithVariations[dict[str, Any]]
    protocols: WithVariations[dict[str, Any]]
    studies: dict[str, dict[str, Any]]
    data_folder: Path
    chunks: int = 1
    keep_failed: bool = False
    recorded: Recorded = "ignore"
    reduced: Mapping[str, list[str]] = field(default_factory=dict)
    packing: Mapping[str, Any] = field(default_factory=dict)

    def protocol(self, name: str) -> dict[str, Any]:
        """Return a protocol by its id; those of pre-training runs are derived.

        Raises:
            KeyError: There is none.
        """
        return find_protocol(self.protocols, name)


@dataclass(frozen=True)
class Settings:
    """Everything a user can choose, checked and with defaults filled in.

    Attributes:
        selected: Ids of the studies to build, in order.
        datasets: Datasets by id.
        models: Models by id.
        protocols: Protocols by id.
        studies: Studies by id, of the selected studies only.
        data_folder: Folder of relative `table` paths.
        chunks: Jobs per part of a representation.
        keep_failed: Whether failed runs are shown as such rather than tried again.
        recorded: Whether tables show recorded runs that were not computed here, and nothing else (`only`).
        reduced: Where a protocol is smaller than its file declares, by id, in words; empty at full scale.
        packing: How small trainings share a process.
        plain: The same as plain values, for rooms that do not read typed ones yet.
    """

    selected: tuple[str, ...]
    datasets: dict[str, Dataset]
    models: WithVariations[Model]
    protocols: WithVariations[Protocol]
    studies: dict[str, Study]
    data_folder: Path
    plain: PlainSettings
    chunks: int = 1
    keep_failed: bool = False
    recorded: Recorded = "ignore"
    reduced: Mapping[str, list[str]] = field(default_factory=dict)
    packing: Packing = field(default_factory=Packing)

    def protocol(self, name: str) -> Protocol:
        """Return a protocol by its id; those of pre-training runs are derived, see `elemflow.config.pretraining`.

        Raises:
            KeyError: There is none.
        """
        return Protocol.model_validate(find_protocol(self.plain.protocols, name))


def load(
    config: Mapping[str, Any], root: Path, config_files: Sequence[str | Path] = (), own: Path | None = None
) -> Settings:
    """Read, extend, override, check and parse everything in config/.

    Args:
        config: The merged configuration, as Snakemake gives it.
        root: Folder that holds the `config/` that ships.
        config_files: The files it was merged from, for messages and for duplicate keys.
        own: Folder of the user's project: its `config/` is read in addition and wins, and its networks are found
            there; None if it is `root`.

    Returns:
        The checked settings with all defaults.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    plain = load_plain(config, root, config_files, own)
    return Settings(
        selected=tuple(plain.selected),
        datasets={name: Dataset.model_validate(value) for name, value in plain.datasets.items()},
        models=WithVariations(
            {name: read_model(value) for name, value in plain.models.items()},
            lambda name: read_model(plain.models[name]),
            model_keys(),
        ),
        protocols=WithVariations(
            {name: Protocol.model_validate(value) for name, value in plain.protocols.items()},
            lambda name: Protocol.model_validate(plain.protocols[name]),
            protocol_keys(),
        ),
        studies={name: Study.model_validate(value) for name, value in plain.studies.items()},
        data_folder=plain.data_folder,
        chunks=plain.chunks,
        keep_failed=plain.keep_failed,
        recorded=plain.recorded,
        reduced=plain.reduced,
        packing=Packing.model_validate(plain.packing),
        plain=plain,
    )


def load_plain(
    config: Mapping[str, Any], root: Path, config_files: Sequence[str | Path] = (), own: Path | None = None
) -> PlainSettings:
    """Return the settings as plain values; see `load`."""
    where = " + ".join(str(file) for file in config_files) or "config"
    top = read_top(config, config_files, where)
    found = {kind: read_folders(kind, root, own) for kind in KINDS}
    declared = {name: protocol for name, (_, protocol) in extend(found["protocols"], "protocol").items()}
    found = override(found, top["overrides"], where)
    found |= {kind: extend(found[kind], KINDS[kind]) for kind in ("datasets", "models", "protocols")}
    found["studies"] = select_studies(found["studies"], top["studies"], where)
    for kind, declarations in found.items():
        for path, declaration in declarations.values():
            check(declaration, KINDS[kind], path)
    drop_ensemble_none(found["protocols"])
    full = found["protocols"]
    found["protocols"] = {name: (path, cap(item, top["scale"])) for name, (path, item) in full.items()}
    separate_missing_properties(found["datasets"])
    check_read_from(found["datasets"])
    check_datasets(found["datasets"])
    expand_networks(found["models"])
    check_models(found["models"], own or root)
    resolve_choices(found["models"])
    check_protocols(found["protocols"])
    check_pretraining(found["protocols"], found["datasets"])
    values = {kind: {name: item[1] for name, item in group.items()} for kind, group in found.items()}
    reduced = {name: reductions(declared[name], protocol) for name, protocol in values["protocols"].items()}

    def vary_protocol(name: str) -> dict[str, Any]:
        base = name.partition(MARK)[0]
        path, whole = full[base]
        changes, where = _read_variation(name, protocol_keys(), whole), name
        varied = {where: (where, _varied(whole, changes, "protocol", f"{path}: {where}"))}
        drop_ensemble_none(varied)
        capped = {where: (f"{path}: {where}", cap(varied[where][1], top["scale"]))}
        check_protocols(capped)
        check_pretraining(capped, found["datasets"], found["protocols"])
        as_declared = merge(declared[base], nest(changes))
        drop_removed(as_declared, changes)
        reduced[where] = reductions(as_declared, capped[where][1])
        return capped[where][1] | (
            {"title": f"{whole['title']}; {describe(where, protocol_keys())}"} if "title" in whole else {}
        )

    def vary_model(name: str) -> dict[str, Any]:
        base = name.partition(MARK)[0]
        path, whole = found["models"][base]
        changes, where = _read_variation(name, model_keys(), whole), name
        plain = {key: value for key, value in whole.items() if key != "candidates"}
        varied = {where: (f"{path}: {where}", _varied(plain, changes, "model", f"{path}: {where}"))}
        expand_networks(varied)
        check_models(varied, own or root, found["models"])
        resolve_choices({**found["models"], **varied})
        return varied[where][1] | {"title": f"{whole['title']}, {describe(where, model_keys())}"}

    return PlainSettings(
        selected=top["studies"],
        datasets=values["datasets"],
        models=WithVariations(values["models"], vary_model, model_keys()),
        protocols=WithVariations(
            values["protocols"], vary_protocol, protocol_keys(), {name: item for name, (_, item) in full.items()}
        ),
        studies=values["studies"],
        data_folder=Path(top["data_folder"] or "."),
        chunks=top["chunks"],
        keep_failed=top["keep_failed"],
        recorded=top["recorded"],
        reduced=reduced,
        packing=top["packing"],
    )


def _read_variation(name: str, known: Mapping[str, str], declared: Mapping[str, Any]) -> Changes:
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


def _varied(declared: Mapping[str, Any], changes: Changes, schema: str, where: str) -> dict[str, Any]:
    """Return a declaration with changes, checked like a file."""
    varied = merge(declared, nest(changes))
    drop_removed(varied, changes)
    check(varied, schema, where)
    return varied
