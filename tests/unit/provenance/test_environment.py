import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from elemflow.core.content import write_record
from elemflow.core.errors import DataError, SoftwareError
from elemflow.provenance.code_digest import CodeDigest
from elemflow.provenance.environment import (
    LOCK,
    check_code,
    check_versions,
    locked_versions,
    pin_variables,
    start_job,
)


def test_the_installed_software_is_the_locked_one():
    check_versions()


def test_every_difference_is_named_in_one_line(tmp_path):
    lock = tmp_path / "requirements.txt"
    locked = locked_versions(LOCK.read_text())
    lock.write_text(f"numpy==0.1 \\\n    --hash=sha256:0\nkeras=={locked['keras']}\nScikit_Learn==0.2\nunused==1\n")
    with pytest.raises(SoftwareError) as caught:
        check_versions(lock)
    message = str(caught.value)
    assert f"numpy {locked['numpy']} (locked: 0.1), scikit-learn" in message
    assert "keras" not in message
    assert "unused" not in message
    assert "\n" not in message


def test_versions_for_another_python_or_platform_are_not_expected():
    lock = (
        "one==1.0 ; python_full_version < '3' \\\n    --hash=sha256:0\none==2.0 ; python_full_version >= '3' \\\n"
        "Two_B==3 ; sys_platform == 'none'\nthree==4 ; sys_platform != 'none'\n"
    )
    assert locked_versions(lock) == {"one": "2.0", "three": "4"}


def test_an_absent_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("elemflow.provenance.environment.library_versions", dict)
    lock = tmp_path / "requirements.txt"
    lock.write_text("jax==1\n")
    with pytest.raises(SoftwareError, match=r"jax is absent \(locked: 1\)"):
        check_versions(lock)


def test_the_package_of_another_clone_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "workflow/elemflow").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SoftwareError, match="make setup"):
        check_versions(tmp_path / "requirements.txt")


def test_lock_lies_in_the_repository(root):
    assert Path(LOCK) == root / "envs/requirements.txt"


def edit_package(folder: Path, value: int) -> None:
    (folder / "elemflow").mkdir(exist_ok=True)
    (folder / "elemflow/__init__.py").touch()
    (folder / "elemflow/a.py").write_text(f"def f():\n    return {value}\n")


def test_code_that_was_edited_during_a_build_is_refused(tmp_path):
    script = tmp_path / "step.py"
    script.write_text("from elemflow.a import f\nprint(f())\n")
    edit_package(tmp_path, 1)
    code = pickle.loads(pickle.dumps(CodeDigest.of(script, tmp_path)))  # as Snakemake hands it to a job
    check_code(code)
    edit_package(tmp_path, 2)
    with pytest.raises(SoftwareError, match=r"step\.py"):
        check_code(code)
    edit_package(tmp_path, 1)
    check_code(code)
    check_code("0123456789abcdef")  # of a workflow that was parsed by this job


def test_a_digest_is_stored_as_its_text(tmp_path):
    (tmp_path / "step.py").write_text("print(1)\n")
    edit_package(tmp_path, 1)
    code = CodeDigest.of(tmp_path / "step.py", tmp_path)
    assert (repr(code), json.dumps(code), copy.deepcopy(code)) == (repr(str(code)), f'"{code}"', str(code))


def test_a_job_looks_into_its_inputs(tmp_path, monkeypatch):
    out, record = tmp_path / "out.csv", tmp_path / "out.provenance.json"
    out.write_text("1")
    write_record(record, SimpleNamespace(cfg={}, code=""), inputs=[], outputs=[out])
    job = SimpleNamespace(params={"code": "abc"}, input=[str(out)], output={})
    monkeypatch.setattr(sys.modules["__main__"], "snakemake", job, raising=False)
    start_job(tmp_path / "a.log")
    out.write_text("2")
    with pytest.raises(DataError, match=r"out\.csv"):
        start_job(tmp_path / "a.log")


def test_variables_that_move_numbers_are_those_of_every_job(monkeypatch, tmp_path):
    home = tmp_path / ".keras"
    home.mkdir()
    (home / "keras.json").write_text('{"floatx": "float64", "backend": "tensorflow"}')
    for name, value in {"TF_ENABLE_ONEDNN_OPTS": "0", "JAX_ENABLE_X64": "1", "KERAS_HOME": str(home)}.items():
        monkeypatch.setenv(name, value)
    pin_variables()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert "JAX_ENABLE_X64" not in os.environ
    code = "import keras; print(keras.config.floatx())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["float32"]
