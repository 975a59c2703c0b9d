"""The container recipes are those of the lock, and copy what an image needs."""

import re
from pathlib import Path

import pytest

from elemflow.core.files import sha256_file
from elemflow.tools import containers


def test_the_committed_recipes_are_those_of_the_lock(root: Path) -> None:
    for path, text in containers.recipes(root).items():
        assert (root / path).read_text(encoding="utf-8") == text, f"{path}: run `make lock`"
        assert sha256_file(root / containers.LOCK) in text


@pytest.mark.parametrize("name", ["envs/Dockerfile", "envs/elemflow.def"])
def test_a_recipe_verifies_hashes_and_resolves_nothing(root: Path, name: str) -> None:
    text = containers.recipes(root)[name]
    installs = re.findall(r"pip install (.*)", text)
    assert len(installs) == 2
    assert all("--no-deps" in each for each in installs)
    assert "--require-hashes -r /opt/elemflow/envs/requirements.txt" in installs[0]
    assert "Not built" in text


def test_what_is_copied_is_there_and_whole(root: Path) -> None:
    assert all((root / name).exists() for name in containers.COPIED)
    docker = dict(re.findall(r"^COPY (\S+) (\S+)$", containers.dockerfile(root), flags=re.MULTILINE))
    files = containers.apptainer(root).split("%files")[1].split("%")[0]
    assert {name: f"/opt/elemflow/{name}" for name in containers.COPIED}.items() <= docker.items()
    assert dict(line.split() for line in files.strip().splitlines()).items() <= docker.items()
    needed = {"Snakefile", "workflow", "config", "scripts", "envs"} | {
        f"resources/{path.name}" for path in (root / "resources").iterdir() if path.name != "raw"
    }
    assert needed <= set(containers.COPIED)


def test_the_lock_is_installed_before_the_project_is_copied(root: Path) -> None:
    """An edit of the project does not install the packages again."""
    instructions = [line.split()[0] for line in containers.dockerfile(root).splitlines() if line and line[0] != "#"]
    assert instructions[0] == "FROM"
    assert instructions[-1] == "ENTRYPOINT"
    text = containers.dockerfile(root)
    assert text.index("--require-hashes") < text.index("COPY workflow")
