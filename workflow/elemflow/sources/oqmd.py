"""Source `oqmd`: entries of the Open Quantum Materials Database over its REST interface.

Saal et al., JOM 65, 1501 (2013); Kirklin et al., npj Comput. Mater. 1, 15010 (2015). No key is needed. The server is
slow and sometimes down for hours; pages that have arrived are not fetched again. For whole-database work prefer the
bulk copies that JARVIS distributes (source `jarvis`, names `oqmd_3d_no_cfid` and `oqmd_3d`).

The server makes several queries for each row with a structure, so that large pages exceed its time limits, and a row
that it cannot print fails every page that holds it. A page that fails is therefore halved, down to the row itself,
which is left out and recorded.

In addition to the `fields` of the service there are the columns `volume_per_atom` (Å³) if `volume`, which
is that of a cell, and `natoms` are among them, and `atoms` (JSON as of the `Atoms.to_dict` of jarvis-tools) if
`unit_cell` and `sites` are. With `labels` there is the column `part`, which says for each row of which part it is.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import pandas as pd
import requests
from pydantic import Field, model_validator

from elemflow.core.errors import DataError
from elemflow.sources.download import get_json
from elemflow.sources.options import Names, Pause, SourceOptions, Url
from elemflow.sources.paging import Page, Query, fetch_parts, part_number, read_pages
from elemflow.sources.records import FileRecord
from elemflow.sources.retries import ATTEMPTS, ExhaustedError

log = logging.getLogger(__name__)

_STRUCTURE = {"unit_cell", "sites"}
_TRIES = min(2, ATTEMPTS)
"""Requests for a page before it is halved."""
_LEAST = 25
"""Smallest number of entries per request that is kept for the pages after a failure."""
_KEY = "entry_id"
# Distinguishes two calculations of one entry from one row that came twice.
_ROW_KEY = "formationenergy_id"


class Options(SourceOptions):
    """A query of OQMD's REST interface."""

    fields: Names = Field(
        description="Fields of the service, which become columns. With `volume` and `natoms` there is also "
        "`volume_per_atom`."
    )
    parts: Names = Field(
        ("",),
        description="Filters in OQMD's language that split the query, such as `ntypes=2`; each part is fetched page "
        "by page. One empty text requests everything.",
    )
    icsd: bool | None = Field(
        None, description="Only entries that come from the ICSD (true) or do not (false); null is both."
    )
    icsd_by_part: tuple[bool, ...] | None = Field(
        None, description="In place of `icsd`, for each part whether its entries come from the ICSD."
    )
    labels: tuple[str, ...] | None = Field(
        None, description="Text of the column `part` for the rows of each part, such as train and test."
    )
    base_url: Url = Field("https://oqmd.org/oqmdapi", description="Address of the REST interface.")
    page_size: int | None = Field(
        None,
        ge=1,
        le=5000,
        description="Entries per request; null is 200 with `unit_cell` or `sites`, which the server prints slowly, and "
        "1000 without. A page that fails twice is halved.",
    )
    pause: Pause = 1

    @model_validator(mode="after")
    def _one_per_part(self) -> Self:
        if self.icsd is not None and self.icsd_by_part is not None:
            raise ValueError("icsd and icsd_by_part are given, and both say what comes from the ICSD; keep one")
        for name in ("icsd_by_part", "labels"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.parts):
                raise ValueError(f"parts has {len(self.parts)} entries and {name} {len(values)}")
        return self

    @property
    def flags(self) -> tuple[bool | None, ...]:
        """Whether the entries of each part come from the ICSD; None is both."""
        return self.icsd_by_part or (self.icsd,) * len(self.parts)

    @property
    def rows_per_page(self) -> int:
        """Entries per request."""
        return self.page_size or (200 if _STRUCTURE & set(self.fields) else 1000)

    @property
    def columns(self) -> list[str]:
        """Fields of a request."""
        return list(dict.fromkeys((_KEY, _ROW_KEY, *self.fields)))


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Fetch the pages of every part of the query; see `elemflow.sources.retrieve`."""
    with requests.Session() as session:
        parts = [
            Query(f"OQMD {part.filter or 'all'}", _address(options, part, 0, options.rows_per_page), pages.request)
            for part in map(_Part, options.parts, options.flags)
            if (pages := _Pages(options, session, part))
        ]
        return fetch_parts(folder, parts)


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield each calculation once, since an entry may have several; see `elemflow.sources.retrieve`."""
    columns = options.columns
    for frame in read_pages(folder, columns, _ROW_KEY):
        if {"volume", "natoms"} <= set(columns):
            volume, atoms = (pd.to_numeric(frame[name], errors="coerce") for name in ("volume", "natoms"))
            per_atom = (volume / atoms).to_list()
            frame["volume_per_atom"] = [repr(value) if value > 0 else "" for value in per_atom]
        if set(columns) >= _STRUCTURE:
            frame["atoms"] = list(map(_atoms, frame["unit_cell"], frame["sites"]))
        if options.labels:
            frame["part"] = options.labels[part_number(frame.attrs["file"]) - 1]
        yield frame


class _Part(NamedTuple):
    """A part of the query: its filter, and whether its entries come from the ICSD."""

    filter: str
    icsd: bool | None


class _Pages:
    """The pages of a part, each fetched as a whole or in pieces."""

    def __init__(self, options: Options, session: requests.Session, part: _Part) -> None:
        self._options, self._session, self._part = options, session, part
        self._piece = options.rows_per_page
        self._total = 0

    def request(self, number: int, address: str) -> Page:  # noqa: ARG002 - the address holds the offset
        """Return a page; rows that the server cannot print are named instead.

        Raises:
            DataError: The server does not answer at all, or not as OQMD's.
        """
        offset = int(parse_qs(urlsplit(address).query)["offset"][0])
        end = offset + self._options.rows_per_page
        rows: list[dict[str, Any]] = []
        unreadable: list[str] = []
        start = offset
        while start < end:
            size = min(self._piece, end - start)
            found, lost = self._fetch(start, size)
            rows += found
            unreadable += lost
            start += len(found) + len(lost)
            if len(found) + len(lost) < size:
                break
        # The server's own link leads on after the last page, perhaps to another host; a page may be short before it.
        more = offset < start < self._total
        following = _address(self._options, self._part, start, self._options.rows_per_page)
        return Page(rows, self._total, following if more else None, tuple(unreadable))

    def _fetch(self, offset: int, size: int) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the rows of a piece, in halves if it fails as a whole, and those that cannot be had."""
        address = _address(self._options, self._part, offset, size)
        try:
            return self._get(address, _TRIES), []
        except ExhaustedError as error:
            # Waits until the server is up again; if it stays down, that is the error.
            row = self._identify(offset)
            if size == 1:
                return self._last_try(address, row)
            log.warning("%s: %s; fetching these %d rows in halves", address, error.__cause__, size)
        half = size // 2
        rows, lost = self._fetch(offset, half)
        if len(rows) + len(lost) < half:
            return rows, lost
        more, also_lost = self._fetch(offset + half, size - half)
        if not lost and not also_lost:
            self._piece = min(self._piece, max(half, _LEAST))
        return rows + more, lost + also_lost

    def _last_try(self, address: str, row: str) -> tuple[list[dict[str, Any]], list[str]]:
        """Return a row that failed, perhaps because the server was down, or its name."""
        try:
            return self._get(address, _TRIES), []
        except ExhaustedError as error:
            log.warning("%s: %s, though the server is up; %s is left out", address, error.__cause__, row)
            return [], [row]

    def _identify(self, offset: int) -> str:
        """Return the ids of a row from a request that the server answers easily."""
        try:
            rows = self._get(_address(self._options, self._part, offset, 1, keys_only=True), _TRIES)
        except ExhaustedError:
            # Another row shows whether the server or this row is at fault.
            self._get(_address(self._options, self._part, 0 if offset else 1, 1, keys_only=True), ATTEMPTS)
            rows = []
        ids = ", ".join(f"{key} {rows[0].get(key)}" for key in (_KEY, _ROW_KEY)) if rows else "of unknown ids"
        return f"row {offset} of {self._part.filter or 'all'}: {ids}"

    def _get(self, address: str, attempts: int) -> list[dict[str, Any]]:
        answer = get_json(address, session=self._session, pause=self._options.pause, attempts=attempts)
        try:
            rows, self._total = list(answer["data"]), int(answer["meta"]["data_available"])
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{address}: the answer is not one of OQMD's REST interface; check source.base_url."
            ) from None
        return rows


def _atoms(unit_cell: str, sites: str) -> str:
    """Return lattice and sites, which are like `Al @ 0.5 0.5 0.5`, as JSON of one structure; empty without them."""
    if not unit_cell or not sites:
        return ""
    places = [site.split(" @ ") for site in json.loads(sites)]
    if any(len(place) != 2 for place in places):  # noqa: PLR2004 - symbol and place
        return ""
    structure = {
        "lattice_mat": json.loads(unit_cell),
        "coords": [[float(number) for number in place.split()] for _, place in places],
        "elements": [symbol for symbol, _ in places],
        "cartesian": False,
    }
    return json.dumps(structure)


def _address(options: Options, part: _Part, offset: int, size: int, *, keys_only: bool = False) -> str:
    query: dict[str, Any] = {"fields": ",".join((_KEY, _ROW_KEY) if keys_only else options.columns)}
    if part.filter:
        query["filter"] = part.filter
    if part.icsd is not None:
        query["icsd"] = str(part.icsd)
    query |= {"limit": size, "offset": offset, "format": "json"}
    return f"{options.base_url.rstrip('/')}/formationenergy?{urlencode(query)}"
