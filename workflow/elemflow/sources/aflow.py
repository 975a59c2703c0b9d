"""Source `aflow`: entries of AFLOWLIB over its search interface AFLUX.

Curtarolo et al., Comput. Mater. Sci. 58, 227 (2012); Rose et al., Comput. Mater. Sci. 137, 362 (2017). No key is
needed. Servers answer with a list, older ones with an object whose keys count the entries (`1 of 912`) and whose
numbers are text; both are understood. The columns are `auid`, `compound`, `aurl` and the keywords.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import requests

from elemflow.core.errors import DataError
from elemflow.sources.download import TemporaryError, get_json, persist
from elemflow.sources.paging import Page, Part, fetch_parts, read_pages

_KEY = "auid"
_ALWAYS = ("auid", "compound", "aurl")
_COUNTED = re.compile(r"\d+ of (\d+)")
# The language of AFLUX is written in these characters, which its server expects as they are.
_PLAIN = "$(),*:!'?=&"


def fetch(source: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Fetch the pages of every part of the query; see `elemflow.sources.retrieve`."""
    with requests.Session() as session:
        parts = [
            Part(f"AFLOW {part or 'all'}", _address(source, part, 1), partial(_ask, source, session, part))
            for part in source["parts"]
        ]
        return fetch_parts(folder, parts)


def read(source: Mapping[str, Any], folder: Path) -> Iterator[pd.DataFrame]:
    """Yield each entry once; see `elemflow.sources.retrieve`."""
    keywords = [keyword.split("(")[0].removeprefix("$") for keyword in source["keywords"]]
    return read_pages(folder, list(dict.fromkeys((*_ALWAYS, *keywords))), _KEY)


def _ask(source: Mapping[str, Any], session: requests.Session, part: str, number: int, address: str) -> Page:
    rows, total = persist(lambda: _answer(source, session, address), address, "the pages before it are kept")
    following = _address(source, part, number + 1) if len(rows) >= source["page_size"] else None
    return Page(rows, total, following)


def _answer(
    source: Mapping[str, Any], session: requests.Session, address: str
) -> tuple[list[dict[str, Any]], int | None]:
    """Return the entries of a page, in either shape, and how many the query has, if the shape says so."""
    answer = get_json(address, session=session, pause=source["pause"])
    if isinstance(answer, list) and all(isinstance(row, dict) for row in answer):
        return answer, None
    if isinstance(answer, dict):
        counts = [_COUNTED.fullmatch(key) for key in answer]
        if all(counts):
            return list(answer.values()), int(counts[0][1]) if counts and counts[0] else None
    if answer is None:
        raise TemporaryError("the answer is null, which stands for an error inside the service")
    raise DataError(
        f"{address}: the answer is neither a list of entries nor an object that counts them. Check source.base_url, "
        "source.keywords and source.parts."
    )


def _address(source: Mapping[str, Any], part: str, number: int) -> str:
    # The first keyword decides the order of the entries; it must be unique, or pages would overlap.
    terms = [_KEY, *(keyword for keyword in source["keywords"] if keyword != _KEY)]
    terms += [part] if part else []
    terms += [f"$paging({number},{source['page_size']})", "$format(json)"]
    return f"{source['base_url'].rstrip('/?')}/?{quote(','.join(terms), safe=_PLAIN)}"
