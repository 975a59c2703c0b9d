"""Source `optimade`: structures of any database that speaks OPTIMADE.

Andersen et al., Sci. Data 8, 217 (2021). The requests are made by our own paging rather than by the client of
optimade-python-tools: that client keeps all answers in memory, turns a failed page into a printed line and cannot
resume, while a page here is a verified file. The package checks the filters before the first request.

The columns are `id` and `fields`, the names of attributes; `chemical_formula_reduced` is a formula.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urljoin

import pandas as pd
import requests
from pydantic import Field

from elemflow.core.errors import ConfigError, DataError
from elemflow.sources.download import get_json
from elemflow.sources.options import Names, Pause, SourceOptions, Url
from elemflow.sources.paging import Page, Query, fetch_parts, read_pages
from elemflow.sources.records import FileRecord


class Options(SourceOptions):
    """A query of an OPTIMADE provider."""

    base_url: Url = Field(
        description="Base address of the provider, without the version, such as http://oqmd.org/optimade."
    )
    fields: Names = Field(
        description="Attributes of structures, which become columns, such as `chemical_formula_reduced`."
    )
    parts: Names = Field(
        ("",),
        description="OPTIMADE filters that split the query, such as `nelements=2`; each part is fetched page "
        "by page. One empty text requests everything.",
    )
    page_size: int = Field(100, ge=1, description="Entries per request; providers may give fewer.")
    pause: Pause = 1


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Fetch the pages of every part of the query; see `elemflow.sources.retrieve`.

    Raises:
        ConfigError: A part is no OPTIMADE filter.
    """
    for part in filter(None, options.parts):
        _check_filter(part)
    with requests.Session() as session:
        request = partial(_request, options, session)
        parts = [Query(f"OPTIMADE {part or 'all'}", _address(options, part), request) for part in options.parts]
        return fetch_parts(folder, parts)


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield each structure once; see `elemflow.sources.retrieve`."""
    return read_pages(folder, list(dict.fromkeys(("id", *options.fields))), "id")


def _request(options: Options, session: requests.Session, number: int, address: str) -> Page:  # noqa: ARG001
    answer = get_json(address, session=session, pause=options.pause)
    try:
        if answer.get("errors"):
            raise DataError(f"{address}: the service reports {answer['errors']}. Check source.parts and source.fields.")
        rows = [{"id": str(row["id"]), **row["attributes"]} for row in answer["data"]]
        meta, following = answer["meta"], (answer.get("links") or {}).get("next")
    except (AttributeError, KeyError, TypeError):
        raise DataError(f"{address}: the answer is not one of OPTIMADE; check source.base_url.") from None
    # How to page is the service's own choice, so its links are followed; it gives them in two forms.
    if isinstance(following, dict):
        following = following.get("href")
    total = meta.get("data_returned")
    # Some providers count the entries of the page there, others those of the query.
    if meta.get("more_data_available") and total is not None and total <= len(rows):
        total = None
        if not following:
            raise DataError(
                f"{address}: the service says that it has more entries than the {len(rows)} of this page, but names no "
                "next page. Split the query into smaller parts (source.parts), or report it to the provider."
            )
    return Page(rows, total, urljoin(address, following) if following else None)


def _address(options: Options, part: str) -> str:
    query: dict[str, str | int] = {"filter": part} if part else {}
    query |= {"response_fields": ",".join(options.fields), "page_limit": options.page_size}
    return f"{options.base_url.rstrip('/')}/v1/structures?{urlencode(query)}"


def _check_filter(text: str) -> None:
    from optimade.exceptions import BadRequest  # noqa: PLC0415 - only where it is needed
    from optimade.filterparser import LarkParser  # noqa: PLC0415

    try:
        LarkParser().parse(text)
    except BadRequest as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"source.parts: {text!r} is no OPTIMADE filter: {reason}") from None
