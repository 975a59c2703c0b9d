"""What the files of config/ and the configuration say, before it is checked: overrides, `extends` and shorthands.

How one file is read, and checked against its schema, is in `elemflow.config.yaml_schema`.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from elemflow.config.hostile import check_address
from elemflow.config.yaml_schema import check, merge, read_yaml
from elemflow.core.errors import ConfigError, nearest
from elemflow.networks.families.registry import network_families

OWN_KEYS = ("title", "published", "published_size")
"""Keys that a declaration does not take over from the one that it extends."""

Declarations = dict[str, tuple[str, dict[str, Any]]]
"""File, as messages call it, and content of each declaration, by id."""


def read_top(config: Mapping[str, Any], config_files: Sequence[str | Path], where: str) -> dict[str, Any]:
    """Return the merged configuration with its defaults; read its files again only to find duplicate keys."""
    for file in config_files:
        read_yaml(Path(file))
    top = {key: _plain(key, value) for key, value in deepcopy(dict(config)).items()}
    check(top, "config", where)
    check_address(top.get("mirror") or "", f"{where}: key 'mirror'")
    return top


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


def read_folders(kind: str, root: Path, own: Path | None = None) -> Declarations:
    """Return the declarations of a kind that ship and those of the user, which take the place of others of their id.

    Args:
        kind: Folder of `config/`.
        root: Folder that holds the `config/` that ships.
        own: Folder that holds the user's `config/`; None if that is the one that ships.
    """
    if own is None or own.resolve() == root.resolve():
        return read_folder(root / "config" / kind)
    return read_folder(root / "config" / kind, str(root)) | read_folder(own / "config" / kind)


def read_folder(folder: Path, place: str = "") -> Declarations:
    """Read every YAML file of a folder: id -> (file as shown to the user, content).

    Args:
        folder: The folder; nothing is read if it does not exist.
        place: What messages put in front of `config/`.
    """
    found: Declarations = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        shown = f"{place}{'/' if place else ''}config/{folder.name}/{path.name}"
        if path.stem in found:
            raise ConfigError(f"{shown}: the id '{path.stem}' is already taken by {found[path.stem][0]}; rename one.")
        if path.stem == "all":
            raise ConfigError(f"{shown}: 'all' is the name of the overview of everything; rename the file.")
        if not re.fullmatch("[a-z0-9_]+", path.stem):
            raise ConfigError(f"{shown}: the file name is the id; use lower-case letters, digits and _ only.")
        found[path.stem] = (shown, read_yaml(path))
    return found


def override(
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


def select_studies(studies: Declarations, names: Sequence[str], where: str) -> Declarations:
    """Return the studies that are requested."""
    for name in names:
        if name not in studies:
            raise ConfigError(
                f"{where}: key 'studies': no file config/studies/{name}.yaml. "
                f"Known: {', '.join(studies)}.{nearest(name, studies)}"
            )
    return {name: item for name, item in studies.items() if name in names}


def extend(declarations: Declarations, kind: str) -> Declarations:
    """Lay each declaration over the one that it `extends`; `OWN_KEYS` are always its own.

    One stands behind the one it extends, so that a mistake is first found in the file that holds it.
    """
    done: Declarations = {}

    def resolve(name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
        if name in done:
            return done[name][1]
        path, declared = declarations[name]
        if "extends" in declared:
            base, chain = str(declared["extends"]), (*above, name)
            if base not in declarations:
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


def drop_ensemble_none(protocols: Declarations) -> None:
    """Remove `ensemble: none`, with which a protocol gives up the ensemble of the one that it extends."""
    for _, protocol in protocols.values():
        if protocol.get("ensemble") == "none":
            del protocol["ensemble"]


def separate_missing_properties(datasets: Declarations) -> None:
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


def expand_networks(models: Declarations) -> None:
    """Replace the shorthands of networks, such as `spec.branches`."""
    for path, model in models.values():
        if model["kind"] in ("network", "network_search"):
            model["spec"] = network_families()[model["spec"]["family"]].expand(model["spec"], path)
