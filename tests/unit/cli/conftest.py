"""The command line, called in a folder with two trained runs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from factories.predicting import write_run

from elemflow.cli.main import main

Call = Callable[..., Result]


@pytest.fixture(scope="package")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the runs `m` and `other`."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("m", "other"):
        write_run(folder, name=name)
    return folder


@pytest.fixture
def call(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """A function that calls `elemflow` in the project."""
    monkeypatch.chdir(project_folder)

    def called(*arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(each) for each in arguments], input=stdin, prog_name="elemflow")

    return called
