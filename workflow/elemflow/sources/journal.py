"""The journal of a raw folder: a record for every file that got its final name.

A resumed retrieval keeps the files that are still as noted, and a file of unknown SHA-256 must stay what it was when
it was first seen. The journal is only appended to, so that a killed job loses at most the record it was writing.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.core.files import sha256_file

JOURNAL = "retrieved.jsonl"


def read_journal(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the last record of every file (`elemflow.sources.download.file_record`), by file name."""
    path = folder / JOURNAL
    records: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            record = json.loads(line)
        except ValueError:  # an empty line, or the one that a killed job was writing
            continue
        records[record["file"]] = record
    return records


def note_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Append the record of a file to the journal of its folder."""
    line = json.dumps(record, sort_keys=True).encode() + b"\n"
    with (folder / JOURNAL).open("ab") as stream:
        # An empty line more does no harm; without it the torn line of a killed job would swallow this one.
        stream.write(b"\n" + line)


def is_as_noted(folder: Path, record: Mapping[str, Any]) -> bool:
    """Tell whether a file is there and has the SHA-256 of its record."""
    path = folder / record["file"]
    return path.is_file() and sha256_file(path) == record["sha256"]
