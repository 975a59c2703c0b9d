"""Projects with a tiny study, built or not."""

import os
import shutil
from pathlib import Path

import pytest
from factories.tiny_project import Project, make_project

from elemflow.core.locks import locked


@pytest.fixture(scope="session")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny study, built once; tests must leave it as it is."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with locked(shared / "finished.lock", "a worker builds it", waiting=lambda holder: None):
        if not (shared / "finished").exists():
            project = make_project(root, tmp_path_factory.mktemp("building"))
            project.run()
            project.folder.rename(shared / "finished")
    return Project(shared / "finished")


@pytest.fixture
def fresh(root: Path, tmp_path: Path) -> Project:
    """A copy that a test may break; nothing is built."""
    return make_project(root, tmp_path)


@pytest.fixture
def copied(finished: Project, tmp_path: Path) -> Project:
    """A finished copy that a test may break."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Project(tmp_path / "copy")
