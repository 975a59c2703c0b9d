"""Loading a trained run runs no code that came with it.

Weights and configurations are data. Two things in a run could name code: `model.json` of a network of the user's own,
which names a Python file, and the configuration of a stored network, which names the classes of its layers. The first
is loaded only if the project's own configuration names the same file, or if the user names it; of the second only
classes of Keras are.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file
from elemflow.core.places import ROOT, find, project
from elemflow.training.storage import read_run_config, stored_members

NETWORK_FILE = "network_file.json"
"""In an exported file: path and SHA-256 of the Python file of a network of the user's own."""
KERAS_MODULES = (
    *("keras", "keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints", "keras.activations"),
    *("keras.dtype_policies", "keras.src.models.functional", "keras.src.models.sequential"),
    *("keras.src.ops.math", "keras.src.ops.nn", "keras.src.ops.numpy"),
)
"""Modules whose classes a stored network may have."""
CODE_OF_LAYERS = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "function", "__lambda__"}
"""Classes of these modules that hold or name code."""


def check_trusted(model_folder: Path, network_file: Path | None = None) -> Path | None:
    """Check that the members of a `model` folder can be loaded without code that came with them.

    Args:
        model_folder: The folder.
        network_file: Python file of a network of the user's own, whose code the user wants to run.

    Returns:
        The Python file to run, if the network is one of the user's own.

    Raises:
        DataError: A member names code; or `network_file` is another file than that of the training, or is not needed.
    """
    model = read_run_config(model_folder).model
    if isinstance(model, NetworkModel) and model.spec.source_file:
        return _python_file(model_folder, model.spec.source_file, network_file)
    if network_file:
        raise DataError(f"{model_folder}: its network is no Python file, so none is run. Leave --network-file away.")
    for member in stored_members(model_folder):
        if member.network_path.exists():
            check_stored_network(member.network_path)
    return None


def check_stored_network(path: Path) -> None:
    """Check that a stored network consists of layers of Keras.

    Args:
        path: `member-<number>.keras`.

    Raises:
        DataError: It has other classes, or is no stored network.
    """
    try:
        with zipfile.ZipFile(path) as file:
            config = json.loads(file.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataError(f"{path}: no stored network, or damaged ({error}). Train the run again.") from None
    for module, name, registered in _classes(config):
        if module not in (None, *KERAS_MODULES) or name in CODE_OF_LAYERS or registered not in {None, name}:
            raise DataError(
                f"{path}: the class {module}.{name} is no layer of Keras, and a network of this family has no other. "
                "Do not use this run."
            )


def _classes(config: Any) -> Iterator[tuple[str | None, str, str | None]]:
    """Yield module, name and registered name of every class that a configuration names."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config.get("module"), str(config["class_name"]), config.get("registered_name")
        for value in config.values():
            yield from _classes(value)
    elif isinstance(config, list):
        for value in config:
            yield from _classes(value)


def _python_file(model_folder: Path, file: str, network_file: Path | None) -> Path:
    """Return the Python file of a network of the user's own, if it may be run."""
    noted = _noted(model_folder, file)
    path = network_file or find(file)
    if network_file is None and not _is_own(file):
        raise DataError(
            f"{model_folder}: its network is the Python file {file}, which no model of this project's "
            f"configuration has{_in_hash(noted)}. Code of a foreign run is not run; if you have read the file and "
            "trust it, name it: --network-file FILE."
        )
    if not path.is_file():
        raise DataError(f"{path}: no such file, and the network of {model_folder} needs it.")
    if noted and sha256_file(path) != noted:
        raise DataError(
            f"{path}: not the file that the network of {model_folder} was trained with{_in_hash(noted)}. Get that "
            "file and name it: --network-file FILE."
        )
    return path


def _noted(model_folder: Path, file: str) -> str | None:
    """Return the SHA-256 of the Python file that a run was trained with, from its export or its `run_info.json`."""
    if (model_folder / NETWORK_FILE).exists():
        return str(read_json(model_folder / NETWORK_FILE)["sha256"])
    info = model_folder.parent / "run_info.json"
    return read_json(info)["inputs_sha256"].get(file) if info.exists() else None


def _in_hash(noted: str | None) -> str:
    return f" (SHA-256 {noted})" if noted else ""


def _is_own(file: str) -> bool:
    """Return whether a model in the project's configuration has this Python file, below the project's folder."""
    found = find(file).resolve()
    if not any(found.is_relative_to(place) for place in (project(), ROOT)):
        return False
    for path in sorted(path for place in (project(), ROOT) for path in (place / "config/models").glob("*.yaml")):
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))
        own = declared.get("spec") if isinstance(declared, dict) else None
        if isinstance(own, dict) and own.get("family") == "custom" and own.get("file") == file:
            return True
    return False
