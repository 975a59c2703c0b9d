from pathlib import Path

import pytest

from elemflow.core.errors import SoftwareError
from elemflow.provenance.environment import LOCK, check_versions, locked_versions


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
