"""Page-wise retrieval from services that answer a query in pages: resumable, complete, without repetitions.

Each page is a file of its own, `part_01_page_000123.json.gz`, recorded in the folder's journal. A job that runs again
keeps the pages that are still as recorded and requests only the others. Entries move between the pages of a database
that grows: where the total of a part changed on the way, the pages from before the change are fetched again, and a part
of which the service says that it holds more than was received is fetched again as a whole.
"""

import gzip
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path
from elemflow.sources.journal import append_record, is_unchanged, read_journal
from elemflow.sources.progress import Progress
from elemflow.sources.records import FileRecord
from elemflow.sources.table_rows import as_text

log = logging.getLogger(__name__)

ROUNDS = 3
"""How often a part is read before it is given up as changing."""

_FILES = "part_*_page_*.json.gz"
_ENDLESS = (
    "Such an answer never ends; run again later, and report it to the makers of the database if that does not help."
)


class Page(NamedTuple):
    """One answer of a service.

    Attributes:
        rows: Its entries, as JSON objects.
        total: How many entries the query has according to the service; None if it does not say.
        following: Address of the next page; None after the last one.
        unreadable: Entries that the service counts but cannot give, one text each.
    """

    rows: list[dict[str, Any]]
    total: int | None
    following: str | None
    unreadable: tuple[str, ...] = ()


class Query(NamedTuple):
    """A query, or a part of one, fetched page after page.

    Attributes:
        title: What it holds, for messages.
        first: Address of its first page, without any credentials.
        request: Returns the page of a given number (from 1) and address.
    """

    title: str
    first: str
    request: Callable[[int, str], Page]


def fetch_parts(folder: Path, parts: Sequence[Query], database_version: str | None = None) -> list[FileRecord]:
    """Fetch the pages of all parts that are not there yet, and remove pages of other queries.

    Args:
        folder: Where the pages go.
        parts: The parts, in the order of the rows.
        database_version: Release of the database, if the service names it; pages of another one are fetched again.

    Returns:
        The record of every page, with `rows` and, if known, `database_version`.

    Raises:
        DataError: A page cannot be retrieved, the service repeats itself, or the database changes meanwhile.
    """
    records = [
        record
        for number, part in enumerate(parts, start=1)
        for record in _fetch_part(folder, f"part_{number:02d}", part, database_version)
    ]
    remove_other_pages(folder, records)
    return records


def remove_other_pages(folder: Path, records: Iterable[FileRecord]) -> None:
    """Remove the pages in a folder that have no record; they are of other queries or other states."""
    named = {record.file for record in records}
    for path in folder.glob(_FILES):
        if path.name not in named:
            path.unlink()


def part_number(name: str) -> int:
    """Return the number of the part, from 1, to which the file of a page belongs."""
    return int(name.split("_")[1])


def read_pages(folder: Path, columns: Sequence[str], key: str) -> Iterator[pd.DataFrame]:
    """Yield the rows of the pages in a folder, each entry once.

    Args:
        folder: Where `fetch_parts` put the pages.
        columns: Names of the columns; `bulk_modulus.vrh` looks up `vrh` in the object `bulk_modulus`.
        key: Column that identifies an entry; of rows with the same value the first is taken.

    Yields:
        One frame per page, all cells text; missing ones are empty.

    Raises:
        DataError: An entry has no value in the column `key`.
    """
    seen: set[int] = set()
    for path in sorted(folder.glob(_FILES)):
        cells = [[as_text(_look_up(row, name)) for name in columns] for row in _load(path).rows]
        frame = pd.DataFrame(cells, columns=list(columns), dtype=str)
        if unnamed := int((frame[key] == "").sum()):
            raise DataError(
                f"{path}: {unnamed} of {len(frame)} entries have no '{key}', which identifies them, so that only one "
                "would be kept. The service answers otherwise than it did; check address and fields of the source."
            )
        # Hashes, because the ids of some millions of entries take a gigabyte.
        hashes = [hash(value) for value in frame[key]]
        frame = frame[[value not in seen for value in hashes]].drop_duplicates(key)
        seen.update(hashes)
        if len(frame):
            frame.attrs["file"] = path.name
            yield frame.reset_index(drop=True)


def _fetch_part(folder: Path, name: str, part: Query, version: str | None) -> list[FileRecord]:
    for _ in range(ROUNDS):
        walk = _walk(folder, name, part, version)
        trouble = walk.inconsistency()
        if not trouble:
            return walk.records
        old = walk.outdated()
        log.warning("%s: %s; fetching %d of its %d pages again", part.title, trouble, len(old), len(walk.records))
        for record in old:
            (folder / record.file).unlink()
    raise DataError(
        f"{part.first}: {trouble}, {ROUNDS} times in a row, so the pages do not make one state of the database. "
        "It is being updated; run again later, or split the query into smaller parts (source.parts)."
    )


class _Walk(NamedTuple):
    """The pages of a part, one after the other.

    Attributes:
        records: Record of each.
        totals: How many entries the part has according to each.
        latest: The same according to the page that was fetched last.
        distinct: Number of different entries, those that the service cannot give included.
    """

    records: list[FileRecord]
    totals: list[int | None]
    latest: int | None
    distinct: int

    def inconsistency(self) -> str:
        """Return why the pages are no whole and consistent answer; empty if they are."""
        known = {total for total in self.totals if total is not None}
        if len(known) > 1:
            first = next(total for total in self.totals if total not in {None, self.latest})
            return f"the number of entries changed from {first} to {self.latest} while the pages were read"
        if known and self.distinct < max(known):
            return f"the service has {max(known)} entries, but its pages held {self.distinct} different ones"
        return ""

    def outdated(self) -> list[FileRecord]:
        """Return the pages from before a change of the total; all, if it did not change."""
        old = [record for record, total in zip(self.records, self.totals, strict=True) if total != self.latest]
        return old or self.records


def _walk(folder: Path, name: str, part: Query, version: str | None) -> _Walk:
    """Fetch the pages of a part one after the other."""
    journal = read_journal(folder)
    records: list[FileRecord] = []
    totals: list[int | None] = []
    latest: int | None = None
    unreadable: list[str] = []
    seen: set[int] = set()
    addresses: set[str] = set()
    progress = Progress(part.title, None, "entries")
    address: str | None = part.first
    while address is not None:
        addresses.add(address)
        number = len(records) + 1
        path = folder / f"{name}_page_{number:06d}.json.gz"
        record = journal.get(path.name)
        if record and not (
            record.url == address and record.database_version == version and is_unchanged(folder, record)
        ):
            record = None
        page = _load(path) if record else part.request(number, address)
        new = {hash(json.dumps(row, sort_keys=True)) for row in page.rows} - seen
        if page.following in addresses:
            raise DataError(f"{address}: the service names a page as the next one for the second time. {_ENDLESS}")
        if page.rows and not new:
            raise DataError(f"{address}: page {number} holds only entries of the pages before it. {_ENDLESS}")
        fetched = 0 if record else len(page.rows)
        if not record:
            _save(path, page)
            record = FileRecord.of(
                path,
                url=address,
                rows=len(page.rows),
                database_version=version,
                unreadable=page.unreadable or None,
            )
            append_record(folder, record)
            latest = page.total
        records.append(record)
        totals.append(page.total)
        unreadable += page.unreadable
        seen |= new
        progress.total = page.total
        progress.held += len(page.rows) - fetched
        progress.add(fetched)
        address = page.following
    log.info("%s: %d entries on %d pages", part.title, len(seen), len(records))
    if unreadable:
        log.warning("%s: the service cannot give %d entries: %s", part.title, len(unreadable), "; ".join(unreadable))
    return _Walk(records, totals, totals[-1] if latest is None else latest, len(seen) + len(unreadable))


def _save(path: Path, page: Page) -> None:
    content: dict[str, Any] = {"total": page.total, "following": page.following, "data": page.rows}
    if page.unreadable:
        content["unreadable"] = page.unreadable
    with atomic_path(path) as part:
        # Without a time in the gzip header equal answers give equal bytes.
        part.write_bytes(gzip.compress(json.dumps(content, ensure_ascii=False).encode(), mtime=0))


def _load(path: Path) -> Page:
    content = json.loads(gzip.decompress(path.read_bytes()))
    return Page(content["data"], content["total"], content["following"], tuple(content.get("unreadable", ())))


def _look_up(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    value: Any = row
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
