"""Source `aflow`: entries of AFLOWLIB over its search interface AFLUX.

Curtarolo et al., Comput. Mater. Sci. 58, 227 (2012); Rose et al., Comput. Mater. Sci. 137, 362 (2017). No key is
needed. Servers answer with a list, older ones with an object whose keys count the entries (`1 of 912`) and whose
numbers are text; both are understood. The columns are `auid`, `compound`, `aurl` and the keywords.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import requests
from pydantic import Field

from elemflow.chemistry.composition import SYMBOLS
from elemflow.core.errors import DataError
from elemflow.sources.download import get_json
from elemflow.sources.options import Names, Pause, SourceOptions, Url
from elemflow.sources.paging import Page, Query, fetch_parts, read_pages
from elemflow.sources.records import FileRecord
from elemflow.sources.retries import TemporaryError, with_retries

_KEY = "auid"
ELEMENT = "{element}"
"""What stands for each element in a part."""
_ALWAYS = ("auid", "compound", "aurl")
_COUNTED = re.compile(r"\d+ of (\d+)")
# The language of AFLUX is written in these characters, which its server expects as they are.
_PLAIN = "$(),*:!'?=&"


class Options(SourceOptions):
    """A query of AFLUX."""

    keywords: Names = Field(
        description="Keywords of AFLUX, which become columns; `Egap(*)` requests entries that have one."
    )
    parts: Names = Field(
        ("",),
        description="Conditions in AFLUX that split the query, such as `catalog(ICSD)`; each part is fetched page "
        "by page. One empty text requests everything; `{element}` stands for each element in turn, as in "
        "`catalog(LIB3),species({element})`.",
    )
    base_url: Url = Field("https://aflow.org/API/aflux", description="Address of AFLUX.")
    page_size: int = Field(1000, ge=1, le=100_000, description="Entries per request.")
    pause: Pause = 1


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Fetch the pages of every part of the query; see `elemflow.sources.retrieve`."""
    with requests.Session() as session:
        parts = [
            Query(f"AFLOW {part or 'all'}", _address(options, part, 1), partial(_request, options, session, part))
            for part in _expanded(options.parts)
        ]
        return fetch_parts(folder, parts)


def _expanded(parts: Iterable[str]) -> Iterator[str]:
    """Yield the parts, one for each element where they name none."""
    for part in parts:
        yield from (part.replace(ELEMENT, symbol) for symbol in (SYMBOLS if ELEMENT in part else ("",)))


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield each entry once; see `elemflow.sources.retrieve`."""
    keywords = [keyword.split("(")[0].removeprefix("$") for keyword in options.keywords]
    return read_pages(folder, list(dict.fromkeys((*_ALWAYS, *keywords))), _KEY)


def _request(options: Options, session: requests.Session, part: str, number: int, address: str) -> Page:
    after = _address(options, part, number + 1)

    def attempt() -> Page:
        rows, total = _answer(options, session, address)
        if len(rows) >= options.page_size:
            return Page(rows, total, after)
        # A list names no total, and a page may be cut short: only an empty page after it shows that it is the last.
        if total is None and _answer(options, session, after)[0]:
            raise TemporaryError(f"page {number} has {len(rows)} of {options.page_size} entries, but is not the last")
        return Page(rows, total, None)

    return with_retries(attempt, address, "the pages before it remain")


def _answer(options: Options, session: requests.Session, address: str) -> tuple[list[dict[str, Any]], int | None]:
    """Return the entries of a page, in either shape, and how many the query has, if the shape says so."""
    answer = get_json(address, session=session, pause=options.pause)
    if isinstance(answer, list) and all(isinstance(row, dict) for row in answer):
        return answer, None
    if isinstance(answer, dict):
        counts = [_COUNTED.fullmatch(key) for key in answer]
        if all(counts):
            return list(answer.values()), int(counts[0][1]) if counts and counts[0] else None
    if answer is None:
        raise TemporaryError("the answer is null, as after an error inside the service")
    raise DataError(
        f"{address}: the answer is neither a list of entries nor an object that counts them. Check source.base_url, "
        "source.keywords and source.parts."
    )


def _address(options: Options, part: str, number: int) -> str:
    # The first keyword decides the order of the entries; it must be unique, or pages would overlap.
    conditions = part.split(",") if part else []
    named = {_KEY, *(condition.split("(")[0] for condition in conditions)}
    # A condition requests its keyword, too.
    terms = [_KEY, *(keyword for keyword in options.keywords if keyword not in named), *conditions]
    terms += [f"$paging({number},{options.page_size})", "$format(json)"]
    return f"{options.base_url.rstrip('/?')}/?{quote(','.join(terms), safe=_PLAIN)}"
