"""One file with members and a manifest of their SHA-256: byte-stable when written, and checked whole when read.

It is a zip file without compression. Members are sorted and dated 1980, so equal members give equal bytes. Nothing is
taken from a file whose members are not exactly those of its manifest, and no member can lie outside of its folder.
"""

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, sha256_file

FORMAT = "elemflow model"
VERSION = 1
"""Version of the format; files of another version are refused."""
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1 << 24
"""Bytes of the largest manifest that is read."""

_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


def write_archive(out: Path, folder: Path, about: Mapping[str, Any]) -> str:
    """Write all files of a folder as one file; equal files give equal bytes.

    Args:
        out: File to write.
        folder: Its files become the members, by their paths below it.
        about: What the manifest says beyond format, version and members.

    Returns:
        The SHA-256 of the file.
    """
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    members = {
        name: {"bytes": path.stat().st_size, "sha256": sha256_file(path)} for name, path in sorted(files.items())
    }
    manifest = {"format": FORMAT, "format_version": VERSION, **about, "members": members}
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as file:
        file.writestr(_info(MANIFEST), json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        for name in members:
            with files[name].open("rb") as content, file.open(_info(name), "w", force_zip64=True) as member:
                shutil.copyfileobj(content, member)
    return sha256_file(out)


def extract_archive(path: Path, folder: Path) -> dict[str, Any]:
    """Write the members of a file into a folder, and check each against the manifest.

    Args:
        path: What `write_archive` wrote.
        folder: An empty folder.

    Returns:
        The manifest.

    Raises:
        DataError: The file is damaged, has been changed, or is of another format or version.
    """
    try:
        with zipfile.ZipFile(path) as file:
            manifest = _manifest(path, file)
            for name, facts in manifest["members"].items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(path, file, name, target, facts)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: no exported model, or damaged ({error}). Get it again.") from None
    return manifest


def read_members(path: Path, *names: str, everything: bool = False) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the manifest of a file and the bytes of some members, after a check of all.

    Args:
        path: What `write_archive` wrote.
        names: The members.
        everything: Whether all members are returned.

    Raises:
        DataError: See `extract_archive`; or there is no such member.
    """
    from tempfile import TemporaryDirectory  # noqa: PLC0415  of this function alone

    with TemporaryDirectory() as folder:
        manifest = extract_archive(path, Path(folder))
        missing = [name for name in names if name not in manifest["members"]]
        if missing:
            raise DataError(f"{path}: {missing[0]} is missing. Export the run, or fine-tune, again.")
        wanted = manifest["members"] if everything else names
        return manifest, {name: (Path(folder) / name).read_bytes() for name in wanted}


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.external_attr, info.create_system = _MODE, _UNIX
    return info


def _manifest(path: Path, file: zipfile.ZipFile) -> dict[str, Any]:
    """Return the manifest, whose members are exactly those of the file."""
    entries = file.infolist()
    names = [entry.filename for entry in entries]
    if MANIFEST not in names or file.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
        raise DataError(f"{path}: no exported model, since it has no {MANIFEST}. Give what `elemflow export` wrote.")
    try:
        found = json.loads(file.read(MANIFEST))
        form, version, members = found["format"], found["format_version"], dict(found["members"])
        expected = {str(name): (int(facts["bytes"]), str(facts["sha256"])) for name, facts in members.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: its {MANIFEST} cannot be read ({error}). Get the file again.") from None
    if form != FORMAT:
        raise DataError(f"{path}: its format is {form!r}, not '{FORMAT}'. Give what `elemflow export` wrote.")
    if version != VERSION:
        raise DataError(
            f"{path}: version {version!r} of the format, and this elemflow reads version {VERSION}. Export the run "
            "again with this version, or read the file with the version that wrote it "
            f"({found.get('elemflow', 'not stated')!a})."
        )
    for name in names:
        if not _NAME.fullmatch(name) or ".." in name:
            raise DataError(f"{path}: the member {name!r} would lie outside of its folder. Do not use this file.")
    if len(set(names)) < len(names) or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise DataError(f"{path}: not as `elemflow export` writes files. Do not use it.")
    wrong = sorted({*names} ^ {MANIFEST, *expected})
    if wrong:
        state = "is missing" if wrong[0] in expected else "is not in the manifest"
        raise DataError(f"{path}: the member {wrong[0]!r} {state}, so the file has been changed. Get it again.")
    return {**found, "members": members}


def _copy(path: Path, file: zipfile.ZipFile, name: str, target: Path, facts: Mapping[str, Any]) -> None:
    """Write a member, and check its length and SHA-256."""
    digest = hashlib.sha256()
    if file.getinfo(name).file_size == facts["bytes"]:
        with file.open(name) as member, target.open("wb") as copy:
            while block := member.read(1 << 20):
                digest.update(block)
                copy.write(block)
    if digest.hexdigest() != facts["sha256"]:
        raise DataError(
            f"{path}: the member {name} has another SHA-256 than the manifest, so the file has been changed or is "
            "damaged. Get it again."
        )
