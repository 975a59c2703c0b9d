"""Where files lie: those of the user, and those that ship."""

from pathlib import Path

import pytest

from elemflow.core import places


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project away from the clone."""
    monkeypatch.setattr(places, "_project", [places.ROOT])
    places.set_project(tmp_path)
    return tmp_path


def test_the_project_of_a_command_is_the_clone(root: Path) -> None:
    assert places.project() == places.ROOT == root


def test_a_file_of_the_user_wins(own: Path, root: Path) -> None:
    assert places.find("LICENSE") == root / "LICENSE"
    (own / "LICENSE").touch()
    assert places.find("LICENSE") == own / "LICENSE"
    assert places.find("LICENSE", root) == root / "LICENSE"
    assert places.find(str(own / "LICENSE"), root) == own / "LICENSE"
