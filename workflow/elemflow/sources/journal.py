"""The journal of a raw folder: a record for every file that got its final name.

A resumed retrieval keeps the files that are still as recorded, and a file of unknown SHA-256 must stay what it was when
it was first seen. The journal is only appended to, so that a killed job loses at most the record it was writing.
"""

from pathlib import Path

from pydantic import ValidationError

from elemflow.core.files import sha256_file
from elemflow.sources.records import FileRecord

JOURNAL = "retrieved.jsonl"


def read_journal(folder: Path) -> dict[str, FileRecord]:
    """Return the last record of every file, by file name."""
    path = folder / JOURNAL
    records: dict[str, FileRecord] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            record = FileRecord.model_validate_json(line)
        except ValidationError:  # an empty line, or the one that a killed job was writing
            continue
        records[record.file] = record
    return records


def append_record(folder: Path, record: FileRecord) -> None:
    """Append the record of a file to the journal of its folder."""
    line = record.model_dump_json(exclude_none=True).encode() + b"\n"
    with (folder / JOURNAL).open("ab") as stream:
        # An additional empty line does no harm; without it the torn line of a killed job would swallow this one.
        stream.write(b"\n" + line)


def is_unchanged(folder: Path, record: FileRecord) -> bool:
    """Return whether a file is there and has the SHA-256 of its record."""
    path = folder / record.file
    return path.is_file() and sha256_file(path) == record.sha256
