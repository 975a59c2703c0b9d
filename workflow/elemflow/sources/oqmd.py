"""Source `oqmd`: entries of the Open Quantum Materials Database over its REST interface.

Saal et al., JOM 65, 1501 (2013); Kirklin et al., npj Comput. Mater. 1, 15010 (2015). No key is needed. The server is
slow and sometimes down for hours; pages that have arrived are not fetched again. For whole-database work prefer the
bulk copies that JARVIS distributes (source `jarvis`, names `oqmd_3d_no_cfid` and `oqmd_3d`).

In addition to the `fields` of the service there are the columns `volume_per_atom` (Å³) if `volume`, which
is that of a cell, and `natoms` are among them, and `atoms` (JSON as of the `Atoms.to_dict` of jarvis-tools) if
`unit_cell` and `sites` are.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import requests
from pydantic import Field

from elemflow.core.errors import DataError
from elemflow.sources.download import get_json
from elemflow.sources.options import Names, Pause, SourceOptions, Url
from elemflow.sources.paging import Page, Query, fetch_parts, read_pages
from elemflow.sources.records import FileRecord

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
    base_url: Url = Field("https://oqmd.org/oqmdapi", description="Address of the REST interface.")
    page_size: int = Field(1000, ge=1, le=5000, description="Entries per request.")
    pause: Pause = 1


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Fetch the pages of every part of the query; see `elemflow.sources.retrieve`."""
    with requests.Session() as session:
        parts = [
            Query(f"OQMD {part or 'all'}", _address(options, part, 1), partial(_request, options, session, part))
            for part in options.parts
        ]
        return fetch_parts(folder, parts)


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield each calculation once, since an entry may have several; see `elemflow.sources.retrieve`."""
    columns = list(dict.fromkeys((_KEY, _ROW_KEY, *options.fields)))
    for frame in read_pages(folder, columns, _ROW_KEY):
        if {"volume", "natoms"} <= set(columns):
            volume, atoms = (pd.to_numeric(frame[name], errors="coerce") for name in ("volume", "natoms"))
            per_atom = (volume / atoms).to_list()
            frame["volume_per_atom"] = [repr(value) if value > 0 else "" for value in per_atom]
        if {"unit_cell", "sites"} <= set(columns):
            frame["atoms"] = list(map(_atoms, frame["unit_cell"], frame["sites"]))
        yield frame


def _request(options: Options, session: requests.Session, part: str, number: int, address: str) -> Page:
    answer = get_json(address, session=session, pause=options.pause)
    try:
        rows, total, following = answer["data"], answer["meta"]["data_available"], answer["links"]["next"]
    except (KeyError, TypeError):
        raise DataError(f"{address}: the answer is not one of OQMD's REST interface; check source.base_url.") from None
    # The server's own link may lead to another host, and it says that there is more after the last page.
    more = bool(rows) and following is not None
    return Page(rows, total, _address(options, part, number + 1) if more else None)


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


def _address(options: Options, part: str, number: int) -> str:
    query: dict[str, Any] = {"fields": ",".join(dict.fromkeys((_KEY, _ROW_KEY, *options.fields)))}
    if part:
        query["filter"] = part
    if options.icsd is not None:
        query["icsd"] = str(options.icsd)
    size = options.page_size
    query |= {"limit": size, "offset": (number - 1) * size, "format": "json"}
    return f"{options.base_url.rstrip('/')}/formationenergy?{urlencode(query)}"
