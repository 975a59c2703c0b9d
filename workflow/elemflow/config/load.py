"""Everything that config/ declares, layered and checked against itself; mistakes are named by file and key.

How one file is read, and checked against its schema, is in `elemflow.config.yaml_schema`.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elemflow.chemistry.composition import SYMBOLS
from elemflow.config.dataset import Dataset
from elemflow.config.estimators import check_models, resolve_choices
from elemflow.config.kinds import FEATURES
from elemflow.config.model import Model, read_model
from elemflow.config.network_spec import check_spec
from elemflow.config.pretraining import find_protocol
from elemflow.config.protocol import Protocol
from elemflow.config.scale_caps import cap, reductions
from elemflow.config.size_dependent import check_order
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
from elemflow.config.yaml_schema import check, merge, read_yaml
from elemflow.core.declared import Declared
from elemflow.core.errors import ConfigError, nearest

KINDS = {"datasets": "dataset", "models": "model", "protocols": "protocol", "studies": "study"}
KEPT_COLUMNS = ("material_id", "entry_id", "formula", "composition", "n_entries", "structure_type", "structure")
RESERVED = (*KEPT_COLUMNS, "code")
OWN_KEYS = ("title", "published", "published_size")
"""Keys that a declaration does not take over from the one that it extends."""


Declarations = dict[str, tuple[str, dict[str, Any]]]
"""File, as messages call it, and content of each declaration, by id."""


class Packing(Declared):
    """How small trainings share a process; see `elemflow.training.packing`.

    Attributes:
        runs: Most runs that one process trains.
        minutes: Time after which it takes no further run.
    """

    runs: int = 8
    minutes: float = 10


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
    reduced: Mapping[str, list[str]] = field(default_factory=dict)
    packing: Packing = field(default_factory=Packing)

    def protocol(self, name: str) -> Protocol:
        """Return a protocol by its id; those of pre-training runs are derived, see `elemflow.config.pretraining`.

        Raises:
            KeyError: There is none.
        """
        return Protocol.model_validate(find_protocol(self.plain.protocols, name))


def load(config: Mapping[str, Any], root: Path, config_files: Sequence[str | Path] = ()) -> Settings:
    """Read, extend, override, check and parse everything in config/.

    Args:
        config: The merged configuration, as Snakemake gives it.
        root: Folder that holds `config/`.
        config_files: The files it was merged from, for messages and for duplicate keys.

    Returns:
        The checked settings with all defaults.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    plain = load_plain(config, root, config_files)
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
        reduced=plain.reduced,
        packing=Packing.model_validate(plain.packing),
        plain=plain,
    )


def load_plain(config: Mapping[str, Any], root: Path, config_files: Sequence[str | Path] = ()) -> PlainSettings:
    """Return the settings as plain values; see `load`."""
    where = " + ".join(str(file) for file in config_files) or "config"
    top = _read_top(config, config_files, where)
    found = {kind: _read_folder(root / "config" / kind) for kind in KINDS}
    declared = {name: protocol for name, (_, protocol) in _extended(found["protocols"]).items()}
    found = _overridden(found, top["overrides"], where)
    found |= {kind: _extended(found[kind]) for kind in ("datasets", "models", "protocols")}
    found["studies"] = _selected(found["studies"], top["studies"], where)
    for kind, declarations in found.items():
        for path, declaration in declarations.values():
            check(declaration, KINDS[kind], path)
    _drop_ensemble_none(found["protocols"])
    full = found["protocols"]
    found["protocols"] = {name: (path, cap(item, top["scale"])) for name, (path, item) in full.items()}
    _separate_missing_properties(found["datasets"])
    _check_datasets(found["datasets"])
    _expand_branches(found["models"])
    _check_models(found["models"], root)
    resolve_choices(found["models"])
    _check_protocols(found["protocols"])
    _check_pretraining(found["protocols"], found["datasets"])
    values = {kind: {name: item[1] for name, item in group.items()} for kind, group in found.items()}
    reduced = {name: reductions(declared[name], protocol) for name, protocol in values["protocols"].items()}

    def vary_protocol(name: str) -> dict[str, Any]:
        base = name.partition(MARK)[0]
        path, whole = full[base]
        changes, where = _read_variation(name, protocol_keys(), whole), name
        varied = {where: (where, _varied(whole, changes, "protocol", f"{path}: {where}"))}
        _drop_ensemble_none(varied)
        capped = {where: (f"{path}: {where}", cap(varied[where][1], top["scale"]))}
        _check_protocols(capped)
        _check_pretraining(capped, found["datasets"], found["protocols"])
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
        _expand_branches(varied)
        _check_models(varied, root, found["models"])
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


def _read_top(config: Mapping[str, Any], config_files: Sequence[str | Path], where: str) -> dict[str, Any]:
    """Return the merged configuration with its defaults; read its files again only to find duplicate keys."""
    for file in config_files:
        read_yaml(Path(file))
    top = {key: _plain(key, value) for key, value in deepcopy(dict(config)).items()}
    check(top, "config", where)
    return top


def _overridden(
    found: Mapping[str, Declarations], overrides: Mapping[str, Mapping[str, Mapping[str, Any]]], where: str
) -> dict[str, Declarations]:
    """Return the declarations with the `overrides` of the configuration merged in."""
    changed = {kind: dict(group) for kind, group in found.items()}
    for kind, changes in overrides.items():
        for name, change in changes.items():
            if name not in found[kind]:
                raise ConfigError(
                    f"{where}: key 'overrides.{kind}.{name}': no file config/{kind}/{name}.yaml."
                    f"{nearest(name, found[kind])}"
                )
            path, declaration = found[kind][name]
            changed[kind][name] = (f"{path} (with overrides.{kind}.{name} of {where})", merge(declaration, change))
    return changed


def _selected(studies: Declarations, names: Sequence[str], where: str) -> Declarations:
    """Return the studies that are requested."""
    for name in names:
        if name not in studies:
            raise ConfigError(
                f"{where}: key 'studies': no file config/studies/{name}.yaml. "
                f"Known: {', '.join(studies)}.{nearest(name, studies)}"
            )
    return {name: item for name, item in studies.items() if name in names}


def _plain(key: str, value: Any) -> Any:
    """Return a value as YAML would have read it.

    Snakemake hands `--config key=true` and `key=null` on as text, and numbers inside of mappings.
    """
    if key in ("scale", "packing") and isinstance(value, Mapping):
        return {name: int(v) if isinstance(v, str) and v.isdecimal() else v for name, v in value.items()}
    words: dict[str, dict[str, bool | None]] = {
        "keep_failed": {"true": True, "false": False},
        "mirror": {"null": None},
        "data_folder": {"null": None},
    }
    return words[key].get(value.lower(), value) if key in words and isinstance(value, str) else value


def _read_folder(folder: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """Read every YAML file of a folder: id -> (file as shown to the user, content)."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        shown = f"config/{folder.name}/{path.name}"
        if path.stem in found:
            raise ConfigError(f"{shown}: the id '{path.stem}' is already taken by {found[path.stem][0]}; rename one.")
        if path.stem == "all":
            raise ConfigError(f"{shown}: 'all' is the name of the overview of everything; rename the file.")
        if not re.fullmatch("[a-z0-9_]+", path.stem):
            raise ConfigError(f"{shown}: the file name is the id; use lower-case letters, digits and _ only.")
        found[path.stem] = (shown, read_yaml(path))
    return found


def _drop_ensemble_none(protocols: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
    """Remove `ensemble: none`, with which a protocol gives up the ensemble of the one that it extends."""
    for _, protocol in protocols.values():
        if protocol.get("ensemble") == "none":
            del protocol["ensemble"]


def _separate_missing_properties(datasets: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
    """Move the properties that a source does not have out of `properties`.

    Those without data stand in `missing_properties` with the reason, those of another dataset in `read_from` with its
    id and the name there; both keep title and unit.
    """
    for path, dataset in datasets.values():
        known = dataset["properties"]
        absent = {name: {"reason": reason} for name, reason in dataset["missing_properties"].items()}
        for key, names in (("missing_properties", absent), ("read_from", dataset["read_from"])):
            for name in names:
                if name not in known:
                    raise ConfigError(
                        f"{path}: key '{key}.{name}': no property '{name}' in this dataset. "
                        f"Known: {', '.join(known)}.{nearest(name, known)}"
                    )
            dataset[key] = {name: known[name] | about for name, about in names.items()}
        aside = dataset["missing_properties"] | dataset["read_from"]
        dataset["properties"] = {name: spec for name, spec in known.items() if name not in aside}
    for path, dataset in datasets.values():
        for name, about in dataset["read_from"].items():
            _check_read_from(datasets, about, f"{path}: key 'read_from.{name}")


def _check_read_from(datasets: Mapping[str, tuple[str, dict[str, Any]]], about: Mapping[str, Any], where: str) -> None:
    """Check that a property is where it is read from, in the same unit."""
    if about["dataset"] not in datasets:
        raise ConfigError(
            f"{where}.dataset': no file config/datasets/{about['dataset']}.yaml.{nearest(about['dataset'], datasets)}"
        )
    known = datasets[about["dataset"]][1]["properties"]
    if about["property"] not in known:
        raise ConfigError(
            f"{where}.property': dataset '{about['dataset']}' has no property '{about['property']}'. "
            f"Known: {', '.join(known)}.{nearest(about['property'], known)}"
        )
    unit = known[about["property"]]["unit"]
    if unit != about["unit"]:
        raise ConfigError(
            f"{where}': '{about['property']}' of dataset '{about['dataset']}' is in {unit}, this property in "
            f"{about['unit']}; only properties of one unit can stand in for each other."
        )


def _check_datasets(datasets: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
    """Check that filters and the polymorph rule name what their own dataset has."""
    for path, dataset in datasets.values():
        known, columns, keep = dataset["properties"], dataset["columns"], dataset["keep"]
        if not known:  # nothing of it is ever read
            continue
        named = [(f"filters[{i}].property", f["property"]) for i, f in enumerate(dataset["filters"]) if "property" in f]
        named += [(f"keep.{key}", keep[key]) for key in ("property", "volume") if keep.get(key)]
        for key, name in named:
            if name not in known:
                raise ConfigError(
                    f"{path}: key '{key}': no property '{name}' in this dataset. "
                    f"Known: {', '.join(known)}.{nearest(name, known)}"
                )
        _check_names(path, dataset)
        for name in columns.get("splits", []):
            if name in known or name in KEPT_COLUMNS:
                raise ConfigError(
                    f"{path}: key 'columns.splits': the name '{name}' is taken by "
                    f"{'a property' if name in known else 'a column that materials always have'}; rename the column in "
                    "the source, or the property."
                )
        needing = [f"properties.{name}.computed" for name, spec in known.items() if "computed" in spec]
        if keep["rule"] == "structures" and not columns["structure_type"]:
            needing.append("keep.rule")
        if needing and not columns["structure"]:
            raise ConfigError(
                f"{path}: key '{needing[0]}': needs the structures of the entries. Name their column and format under "
                f"'columns.structure'{', or a column structure_type' if 'keep.rule' in needing[:1] else ''}."
            )


def _check_names(path: str, dataset: Mapping[str, Any]) -> None:
    """Check that no property is called like a column of materials, and that filters name elements."""
    for name in dataset["properties"]:
        if name in RESERVED:
            raise ConfigError(f"{path}: key 'properties.{name}': materials have a column of that name; rename it.")
    for i, item in enumerate(dataset["filters"]):
        for symbol in item.get("allowed", ()):
            if symbol not in SYMBOLS:
                raise ConfigError(
                    f"{path}: key 'filters[{i}].allowed': '{symbol}' is not the symbol of an element."
                    f"{nearest(symbol, SYMBOLS)}"
                )


def _extended(declarations: Mapping[str, tuple[str, dict[str, Any]]]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Lay each declaration over the one that it `extends`; `OWN_KEYS` are always its own.

    One stands behind the one it extends, so that a mistake is first found in the file that holds it.
    """
    done: dict[str, tuple[str, dict[str, Any]]] = {}

    def resolve(name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
        if name in done:
            return done[name][1]
        path, declared = declarations[name]
        if "extends" in declared:
            base, chain = str(declared["extends"]), (*above, name)
            if base not in declarations:
                kind = path.split("/")[1].removesuffix("s")
                raise ConfigError(f"{path}: key 'extends': no {kind} '{base}'.{nearest(base, declarations)}")
            if base in chain:
                raise ConfigError(f"{path}: key 'extends': a circle, {' → '.join((*chain, base))}.")
            inherited = {key: value for key, value in resolve(base, chain).items() if key not in OWN_KEYS}
            own = {key: value for key, value in declared.items() if key != "extends"}
            path, declared = f"{path} (extends {base})", merge(inherited, own)
        done[name] = (path, declared)
        return declared

    for name in declarations:
        resolve(name)
    return done


def _expand_branches(models: Declarations) -> None:
    """Replace the shorthand `spec.branches` by branches of one of the stacks."""
    for path, model in models.values():
        text = model.get("spec", {}).get("branches")
        if not isinstance(text, str):
            continue
        spec = model["spec"]
        width, _, layers = text.partition("x")
        branches = [int(each) for each in layers.split("-")]
        stacks = [{key: value for key, value in stack.items() if key != "branches"} for stack in spec["stacks"]]
        chosen = [stack for stack in stacks if stack["width"] == int(width)]
        if not chosen:
            widths = dict.fromkeys(str(stack["width"]) for stack in stacks)
            raise ConfigError(f"{path}: key 'spec.branches': no stack of width {width}. Known: {', '.join(widths)}.")
        chosen[0]["branches"] = branches
        model["spec"] = {key: value for key, value in spec.items() if key != "branches"} | {"stacks": stacks}


def _check_models(models: Declarations, root: Path, others: Declarations | None = None) -> None:
    """Check what the schema cannot: that a network's keys fit each other and that estimators and models exist."""
    for path, model in models.values():
        if model["kind"] == "network":
            check_spec(model["spec"], f"{path}: spec", root)
            check_order(model["spec"].get("by_training_size", ()), f"{path}: key 'spec.by_training_size'")
    check_models({**(others or {}), **models} if others else models)


def _check_protocols(protocols: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
    """Check that shares are whole, that scaled parts are known and that what decides about stopping exists."""
    for path, protocol in protocols.values():
        declared = protocol.get("scaling", {})
        for part in {} if declared == "none" else declared:
            if part not in FEATURES:
                known = f"Known: {', '.join(FEATURES)}.{nearest(part, FEATURES)}"
                raise ConfigError(f"{path}: key 'scaling.{part}': no such part. {known}")
        split = protocol["split"]
        if split["scheme"] == "fractions":
            _check_shares(path, split)
        _check_hold_out(path, split)
        _check_ensemble(path, protocol)
        training = protocol.get("training")
        if not training:
            continue
        check_order(training.get("by_training_size", ()), f"{path}: key 'training.by_training_size'")
        stopping, reduction = (training[key] for key in ("early_stopping", "learning_rate_reduction"))
        if reduction and training["schedule"]:
            raise ConfigError(
                f"{path}: key 'training.schedule': both this and learning_rate_reduction set the learning rate. Set "
                "one of the two to null."
            )
        if split.get("validation") == 0:
            if stopping and stopping["monitor"] == "validation":
                raise ConfigError(
                    f"{path}: key 'training.early_stopping.monitor': found \"validation\", but the split has no "
                    f"validation set. Give `split.validation` a share, or set early_stopping to null."
                )
            if reduction and not stopping:
                raise ConfigError(
                    f"{path}: key 'training.learning_rate_reduction': nothing is monitored, since the split has no "
                    f"validation set. Give `split.validation` a share, or set learning_rate_reduction to null."
                )


def _check_shares(path: str, split: Mapping[str, Any]) -> None:
    """Check that the sets of random splits are the whole, and that several splits have members to share them."""
    total = split["train"] + split["validation"] + split["test"]
    if abs(total - 1) > 1e-9:  # noqa: PLR2004  rounding of decimal shares
        raise ConfigError(f"{path}: key 'split': the shares sum to {total:.10g}, not to 1.")
    if "splits" in split and split["split_per_member"]:
        raise ConfigError(
            f"{path}: key 'split.splits': under `split_per_member: true` every member has its own split. Set "
            "`split_per_member: false`, or remove the key."
        )


def _check_pretraining(protocols: Declarations, datasets: Declarations, sources: Declarations | None = None) -> None:
    """Check that what pre-trained networks start from can be trained, and that nothing contradicts it."""
    sources = sources or protocols
    for path, protocol in protocols.values():
        if "pretraining" not in protocol:
            continue
        declared = protocol["pretraining"]
        for key in ("scaling", "target_scaling"):
            if protocol.get(key, "none") != "none":
                raise ConfigError(
                    f"{path}: key '{key}': a pre-trained network goes on with the {key} of its pre-training. Remove "
                    f"the key here; that of protocol '{declared['protocol']}' holds."
                )
        properties = datasets[declared["dataset"]][1]["properties"] if declared["dataset"] in datasets else {}
        for key, known in (("dataset", datasets), ("property", properties), ("protocol", sources)):
            if declared[key] not in known:
                of = f" in dataset '{declared['dataset']}'" if key == "property" else ""
                raise ConfigError(
                    f"{path}: key 'pretraining.{key}': no {key} '{declared[key]}'{of}. Known: {', '.join(known)}."
                    f"{nearest(declared[key], known)}"
                )
        _check_source(f"{path}: key 'pretraining.protocol'", declared["protocol"], sources[declared["protocol"]][1])


def _check_source(where: str, name: str, source: Mapping[str, Any]) -> None:
    """Check that a protocol can be that of a pre-training."""
    if "pretraining" in source:
        raise ConfigError(f"{where}: protocol '{name}' is pre-trained itself. Name one without the key 'pretraining'.")
    if source["split"]["scheme"] != "fractions":
        raise ConfigError(
            f"{where}: protocol '{name}' has the split scheme {source['split']['scheme']}. What the fine-tuned run is "
            "evaluated on is excluded first, so that only the scheme fractions can split the rest."
        )
    for key in ("train_rows", "hold_out"):
        if key in source["split"]:
            raise ConfigError(
                f"{where}: protocol '{name}' has the key 'split.{key}', which a pre-training does not know. Name a "
                "protocol without it; `max_materials` makes one smaller."
            )


def members_per_split(split: Mapping[str, Any]) -> int:
    """Return how many members in a row share a split and differ by their seed alone."""
    shared = split["members"] if split.get("split_per_member") is False else split.get("members_per_fold", 1)
    return int(shared)


def _check_hold_out(path: str, split: Mapping[str, Any]) -> None:
    """Check that an element that is held out exists and that its shares leave materials to test."""
    declared = split.get("hold_out")
    if not declared:
        return
    if declared["element"] not in SYMBOLS:
        raise ConfigError(
            f"{path}: key 'split.hold_out.element': '{declared['element']}' is not the symbol of an element."
            f"{nearest(declared['element'], SYMBOLS)}"
        )
    if declared["train_fraction"] + declared["test_fraction"] > 1 + 1e-9:
        raise ConfigError(
            f"{path}: key 'split.hold_out.train_fraction': {declared['train_fraction']:g} in the training "
            f"set and {declared['test_fraction']:g} tested are more than all materials with the element. "
            "Lower one of the two."
        )


def _check_ensemble(path: str, protocol: Mapping[str, Any]) -> None:
    """Check that what an ensemble requires can be computed: members of one split, and rows to calibrate on."""
    split = protocol["split"]
    for key, asked in (("ensemble", "ensemble" in protocol), ("uncertainty", protocol["uncertainty"])):
        if asked and members_per_split(split) == 1:
            raise ConfigError(
                f"{path}: key '{key}': needs several members of one split, and every member has its own. Give "
                "`split.members_per_fold`, or `split.members` with `split_per_member: false`."
            )
    if "ensemble" not in protocol and (protocol["uncertainty"] or protocol["report"] == "ensemble"):
        key = "uncertainty" if protocol["uncertainty"] else "report"
        raise ConfigError(f"{path}: key '{key}': needs the key 'ensemble', mean or median.")
    if protocol["uncertainty"] and split.get("validation") == 0:
        raise ConfigError(
            f"{path}: key 'uncertainty': intervals are calibrated on validation rows, and the split has none. Give "
            "`split.validation` a share."
        )
