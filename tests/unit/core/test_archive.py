"""The exported file: equal bytes when written, and every kind of change refused when read."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elemflow.core.archive import MANIFEST, extract_archive, read_members, write_archive
from elemflow.core.errors import DataError

Members = dict[str, bytes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "folder"
    (found / "model").mkdir(parents=True)
    (found / "model/member-0.keras").write_bytes(bytes(range(256)) * 9)
    (found / "README.md").write_text("# card\n")
    return found


@pytest.fixture
def file(tmp_path: Path, folder: Path) -> Path:
    write_archive(tmp_path / "m.elemflow", folder, {"elemflow": "0.9", "run": "a/b/c/d/e"})
    return tmp_path / "m.elemflow"


def _rewrite(file: Path, change: Callable[[dict[str, Any], Members], None], method: int = zipfile.ZIP_STORED) -> None:
    """Write a file again with another manifest or other members."""
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    manifest = json.loads(members.pop(MANIFEST))
    change(manifest, members)
    with zipfile.ZipFile(file, "w", method) as new:
        new.writestr(MANIFEST, json.dumps(manifest))
        for name, content in members.items():
            new.writestr(name, content)


def test_equal_folders_give_equal_bytes_and_come_back(tmp_path: Path, folder: Path, file: Path) -> None:
    (folder / "README.md").touch()
    again = write_archive(tmp_path / "again.elemflow", folder, {"run": "a/b/c/d/e", "elemflow": "0.9"})
    assert (tmp_path / "again.elemflow").read_bytes() == file.read_bytes()
    assert len(again) == 64
    manifest = extract_archive(file, tmp_path / "out")
    assert manifest["run"] == "a/b/c/d/e"
    for name in ("README.md", "model/member-0.keras"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / name).read_bytes()
    assert read_members(file, "README.md")[1] == {"README.md": b"# card\n"}


def _flip(manifest: dict[str, Any], members: Members) -> None:
    members["model/member-0.keras"] = b"\xff" + members["model/member-0.keras"][1:]


def _grow(manifest: dict[str, Any], members: Members) -> None:
    members["README.md"] += b"more"


def _drop(manifest: dict[str, Any], members: Members) -> None:
    del members["model/member-0.keras"]


def _add(manifest: dict[str, Any], members: Members) -> None:
    members["model/extra.py"] = b"print()"


def _forget(manifest: dict[str, Any], members: Members) -> None:
    del manifest["members"]["README.md"]


def _newer(manifest: dict[str, Any], members: Members) -> None:
    manifest["format_version"] = 2


def _foreign(manifest: dict[str, Any], members: Members) -> None:
    manifest["format"] = "other"


def _without_members(manifest: dict[str, Any], members: Members) -> None:
    del manifest["members"]


def _escape(name: str) -> Callable[[dict[str, Any], Members], None]:
    def change(manifest: dict[str, Any], members: Members) -> None:
        members[name] = members.pop("README.md")
        manifest["members"][name] = manifest["members"].pop("README.md")

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_flip, "member-0.keras has another SHA-256"),
        (_grow, "README.md has another SHA-256"),
        (_drop, r"member-0\.keras' is missing"),
        (_add, r"extra\.py' is not in the manifest"),
        (_forget, r"README\.md' is not in the manifest"),
        (_newer, r"version 2 .* version 1.*\('0\.9'\)"),
        (_foreign, "'other'"),
        (_without_members, MANIFEST),
        (_escape("../outside"), "outside of its folder"),
        (_escape("/tmp/outside"), "outside of its folder"),
        (_escape("model/../../outside"), "outside of its folder"),
        (_escape("model\\outside"), "outside of its folder"),
        (_escape("C:outside"), "outside of its folder"),
    ],
)
def test_a_changed_file_is_refused(
    tmp_path: Path, file: Path, change: Callable[[dict[str, Any], Members], None], message: str
) -> None:
    _rewrite(file, change)
    with pytest.raises(DataError, match=message) as caught:
        extract_archive(file, tmp_path / "out")
    assert str(file) in str(caught.value)
    assert not (tmp_path / "outside").exists()
    assert not list((tmp_path / "out").rglob("*.py"))


def test_compressed_and_doubled_members_are_refused(tmp_path: Path, file: Path) -> None:
    _rewrite(file, lambda manifest, members: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="not as `elemflow export` writes"):
        extract_archive(file, tmp_path / "out")
    _rewrite(file, lambda manifest, members: None)
    with zipfile.ZipFile(file, "a") as doubled, pytest.warns(UserWarning, match="Duplicate"):
        doubled.writestr("README.md", "# card\n")
    with pytest.raises(DataError, match="not as `elemflow export` writes"):
        extract_archive(file, tmp_path / "out")


def test_what_is_no_exported_file_is_named(tmp_path: Path, file: Path) -> None:
    cut = tmp_path / "cut.elemflow"
    cut.write_bytes(file.read_bytes()[:-40])
    other = tmp_path / "other.elemflow"
    with zipfile.ZipFile(other, "w") as plain:
        plain.writestr("a.txt", "a")
    for path, message in ((cut, "damaged"), (other, MANIFEST), (tmp_path / "no.elemflow", "no such file")):
        with pytest.raises(DataError, match=message):
            extract_archive(path, tmp_path / "out")
    with pytest.raises(DataError, match=r"card\.json is missing"):
        read_members(file, "card.json")
