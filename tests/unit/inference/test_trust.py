"""Loading a run runs no code that came with it."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from factories.predicting import MEMBERS, write_run
from factories.toy import SPEC, build
from factories.training import make_run, process_backend

from elemflow.core import places
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file, write_json
from elemflow.inference import trust
from elemflow.inference.ensemble import Ensemble
from elemflow.training.storage import write_run_config

NETWORK = """from pathlib import Path
import keras

Path(__file__).with_name("executed").touch()


def build(options, n_inputs, seed):
    inputs = keras.Input((n_inputs,))
    return keras.Model(inputs, keras.layers.Dense(1)(inputs))
"""


@pytest.fixture
def custom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose network is a Python file of a project."""
    project = tmp_path / "project"
    (project / "config/models").mkdir(parents=True)
    (project / "nets").mkdir()
    (project / "nets/own.py").write_text(NETWORK)
    monkeypatch.setattr(places, "_project", [project])
    run = tmp_path / "run"
    spec = {"family": "custom", "file": "nets/own.py"}
    write_run_config(run / "model", make_run({"kind": "network", "spec": spec}))
    process_backend().start("tensorflow")
    # Keras must read it, and so the Python file: numpy evaluates no gelu.
    build(SPEC | {"activation": {"name": "gelu"}}, 86, 0).save(run / "model/member-0.keras")
    return run


def _declare(run: Path, file: str) -> None:
    text = f"title: Own\nkind: network\nspec: {{family: custom, file: {file}}}\n"
    (run.parent / "project/config/models/own.yaml").write_text(text)


def test_a_network_of_the_project_is_loaded(custom: Path) -> None:
    _declare(custom, "nets/own.py")
    assert Ensemble(custom, backend=process_backend()).members == 1
    assert (custom.parent / "project/nets/executed").exists()


def test_a_python_file_that_the_project_does_not_declare_is_not_run(custom: Path) -> None:
    _declare(custom, "nets/other.py")
    with pytest.raises(DataError, match=r"nets/own\.py.*--network-file"):
        Ensemble(custom, backend=process_backend())
    assert not (custom.parent / "project/nets/executed").exists()


def test_a_python_file_outside_the_project_is_not_run(custom: Path) -> None:
    foreign = custom.parent / "foreign.py"
    foreign.write_text(NETWORK)
    for file in (str(foreign), "../foreign.py"):
        spec = {"family": "custom", "file": file}
        write_run_config(custom / "model", make_run({"kind": "network", "spec": spec}))
        _declare(custom, file)
        with pytest.raises(DataError, match="foreign run is not run"):
            Ensemble(custom, backend=process_backend())
    assert not (custom.parent / "executed").exists()


def test_a_file_that_the_user_names_is_run_if_its_hash_is_right(custom: Path) -> None:
    trusted = custom.parent / "read/own.py"
    trusted.parent.mkdir()
    trusted.write_text(NETWORK)
    write_json(custom / "model/network_file.json", {"file": "nets/own.py", "sha256": "0" * 64})
    with pytest.raises(DataError, match=f"own.py: not the file .*{'0' * 64}"):
        Ensemble(custom, backend=process_backend(), network_file=trusted)
    assert not (trusted.parent / "executed").exists()
    write_json(custom / "model/network_file.json", {"file": "nets/own.py", "sha256": sha256_file(trusted)})
    assert Ensemble(custom, backend=process_backend(), network_file=trusted).members == 1
    assert (trusted.parent / "executed").exists()


def test_a_run_notes_the_file_that_it_was_trained_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "nets/own.py"
    file.parent.mkdir()
    file.write_text(NETWORK)
    run = write_run(tmp_path, {"kind": "network", "spec": {"family": "custom", "file": str(file)}})
    assert read_json(run / "run_info.json")["inputs_sha256"][str(file)] == sha256_file(file)
    monkeypatch.setattr(trust, "_is_own", lambda file: True)
    assert Ensemble(run, backend=process_backend()).members == MEMBERS
    file.write_text(f"{NETWORK}\n# changed since\n")
    with pytest.raises(DataError, match=r"own\.py: not the file"):
        Ensemble(run, backend=process_backend())


def test_a_network_without_python_needs_no_file(custom: Path) -> None:
    write_run_config(custom / "model", make_run({"kind": "network", "spec": SPEC}))
    assert Ensemble(custom, backend=process_backend()).members == 1
    with pytest.raises(DataError, match="--network-file"):
        Ensemble(custom, backend=process_backend(), network_file=custom.parent / "project/nets/own.py")


def _with_layer(path: Path, change: dict[str, Any]) -> None:
    """Change the second layer of a stored network."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][1] |= change
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"class_name": "Lambda"}, "Lambda"),
        ({"module": "os", "class_name": "system", "registered_name": None}, r"os\.system"),
        ({"module": "keras.src.utils.file_utils", "class_name": "get_file"}, "get_file"),
        ({"registered_name": "foreign>Dense"}, "Dense"),
        ({"config": {"activation": {"module": "builtins", "class_name": "function", "config": "exec"}}}, "function"),
    ],
)
def test_a_stored_network_with_code_is_refused(custom: Path, change: dict[str, Any], name: str) -> None:
    write_run_config(custom / "model", make_run({"kind": "network", "spec": SPEC}))
    _with_layer(custom / "model/member-0.keras", change)
    with pytest.raises(DataError, match=rf"member-0\.keras.*{name}"):
        Ensemble(custom, backend=process_backend())


def test_a_damaged_network_is_named(custom: Path) -> None:
    write_run_config(custom / "model", make_run({"kind": "network", "spec": SPEC}))
    (custom / "model/member-0.keras").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"member-0\.keras"):
        Ensemble(custom, backend=process_backend())
