"""Source `materials_project`: today's Materials Project through its own client, mp-api.

Jain et al., APL Mater. 1, 011002 (2013). The key comes from the environment variable MP_API_KEY or from pymatgen's
setting PMG_MAPI_KEY alone; it travels in a header and is never written. Deprecated entries are not fetched, and
neither are those derived from GNoME, whose licence forbids commercial use, unless `include_gnome` is true.

mp-api reads the whole database from another server if it is given no filter, and its paging stops silently at an
empty page. So every request here has filters, a list of fields and a page number, and the pages go through
`elemflow.sources.paging`, which compares them with the total that the service states.

The columns are `fields`; `bulk_modulus.vrh` takes `vrh` out of the field `bulk_modulus`.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import pandas as pd
import requests
from pydantic import Field

from elemflow.core.errors import DataError
from elemflow.sources.download import get_json
from elemflow.sources.options import Names, SourceOptions, Url
from elemflow.sources.paging import Page, Query, fetch_parts, read_pages
from elemflow.sources.records import FileRecord
from elemflow.sources.retries import TemporaryError, with_retries
from elemflow.sources.transfer import TIMEOUT

_KEY = "material_id"
# Fewest and most elements of the entries in each part.
_PARTS = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 118))
_STATUS = re.compile(r"error status code (\d{3})")
_FINAL = re.compile("invalid fields|does not support the request|Unauthenticated", re.IGNORECASE)
_FINAL_STATUS = {"400", "401", "403", "404", "414", "422"}

T = TypeVar("T")


class Options(SourceOptions):
    """A query of the summary documents."""

    fields: Names = Field(
        description="Fields of the summary documents, which become columns; `bulk_modulus.vrh` takes `vrh` out of "
        "`bulk_modulus`."
    )
    include_gnome: bool = Field(
        False, description="Whether entries derived from GNoME, whose licence forbids commercial use, are fetched."
    )
    endpoint: Url | None = Field(
        None, description="Address of the service; null is that of mp-api, or of its variable MP_API_ENDPOINT."
    )
    page_size: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Entries per request; null is 250 with `structure`, which the server is slow to send, and 1000 "
        "without.",
    )

    @property
    def rows_per_page(self) -> int:
        """Entries per request."""
        return self.page_size or (250 if "structure" in self.fields else 1000)


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Fetch the pages of all parts; see `elemflow.sources.retrieve`.

    Raises:
        DataError: There is no key, it is rejected, or the service does not answer.
    """
    client = _Client(options)
    parts = [
        Query(
            f"Materials Project, {least} to {most} elements",
            client.address(least, most, 1),
            partial(client.request, least, most),
        )
        for least, most in _PARTS
    ]
    records = fetch_parts(folder, parts, client.database_version)
    client.check_version()
    return records


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:
    """Yield each entry once; see `elemflow.sources.retrieve`."""
    return read_pages(folder, list(dict.fromkeys((_KEY, *options.fields))), _KEY)


class _Client:
    """mp-api, with failures turned into ours and the key in no message."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._fields = sorted({_KEY, *(name.split(".")[0] for name in options.fields)})
        self._key = ""
        self._total: int | None = None
        self._rester = self._with_retries(self._connect, options.endpoint or "Materials Project")
        self.database_version: str = self._rester.db_version

    def address(self, least: int, most: int, number: int) -> str:
        """Return an address that says what page `number` of a part holds."""
        query = {
            "deprecated": False,
            "include_gnome": self._options.include_gnome,
            "nelements_min": least,
            "nelements_max": most,
            "_fields": ",".join(self._fields),
            "_sort_fields": _KEY,
            "_page": number,
            "_per_page": self._options.rows_per_page,
        }
        return f"{self._rester.endpoint}materials/summary/?{urlencode(query)}"

    def request(self, least: int, most: int, number: int, address: str) -> Page:
        """Return page `number` of the entries with `least` to `most` elements."""
        size = self._options.rows_per_page
        rows = self._with_retries(
            lambda: self._rester.materials.summary.search(
                deprecated=False,
                include_gnome=self._options.include_gnome,
                num_elements=(least, most),
                fields=self._fields,
                chunk_size=size,
                num_chunks=1,
                _page=number,
                _sort_fields=_KEY,
            ),
            address,
        )
        following = self.address(least, most, number + 1) if len(rows) >= size else None
        return Page(rows, self._total, following)

    def check_version(self) -> None:
        """Raise DataError if a new release came out since the client was made."""
        # The client caches its first answer to this request.
        now = _release(self._rester.endpoint)
        if now != self.database_version:
            raise DataError(
                f"{self._rester.endpoint}: {now} was released while entries of {self.database_version} were "
                "fetched, which must not be mixed. Run again to fetch the new release."
            )

    def _connect(self) -> Any:
        from mp_api.client import MPRester  # noqa: PLC0415 - seconds to import
        from mp_api.client.core.utils import validate_endpoint  # noqa: PLC0415

        # The client requests the release without a time limit, and takes none for an answer.
        _release(validate_endpoint(self._options.endpoint))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a missing key, which is reported below
            rester = MPRester(
                endpoint=self._options.endpoint,
                use_document_model=False,
                mute_progress_bars=True,
            )
        if not rester.api_key:
            raise DataError(
                "The Materials Project needs a key and none is set. Get one at https://materialsproject.org/api and "
                "export it as MP_API_KEY, or use the dataset of 2018 that needs none (source of kind 'matminer')."
            )
        self._key = rester.api_key
        # Documents keep the ids that other datasets name, mp-149 rather than those of letters.
        rester.session.params = {"id_format": "legacy"}
        summary = rester.materials.summary
        _ = summary.search
        # mp-api passes its own 20 s on to every part of it, too short for pages of structures.
        summary._obj.timeout = TIMEOUT[1]  # noqa: SLF001
        rester.session.hooks["response"].append(self._note_total)
        return rester

    def _note_total(self, response: requests.Response, **_: Any) -> None:
        """Store the total that the client itself does not return."""
        try:
            self._total = int(response.json()["meta"]["total_doc"])
        except (ValueError, KeyError, TypeError):
            self._total = None

    def _with_retries(self, action: Callable[[], T], what: str) -> T:
        from mp_api.client.core import MPRestError  # noqa: PLC0415

        def attempt() -> T:
            try:
                return action()
            except (MPRestError, requests.RequestException, ValueError, KeyError) as error:
                # The client's messages hold the answer of the server, which may repeat what it was sent.
                reason = self._without_key(" ".join(str(error).split())) or type(error).__name__
            status = _STATUS.search(reason)
            if "valid API key" in reason or (status and status[1] in {"401", "403"}):
                raise DataError(f"{what}: the Materials Project rejects the key in MP_API_KEY: {reason[:300]}")
            if _FINAL.search(reason) or (status and status[1] in _FINAL_STATUS):
                raise DataError(f"{what}: {reason[:1000]}. Correct source.fields or source.endpoint.")
            raise TemporaryError(reason[:300])

        return with_retries(attempt, what, "the pages that were fetched remain")

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def _release(endpoint: str) -> str:
    """Return the release of the database that the service names.

    Raises:
        DataError: It does not answer, or names none.
    """
    address = f"{endpoint.rstrip('/')}/heartbeat"
    answer = get_json(address)
    release = answer.get("db_version") if isinstance(answer, dict) else None
    if not release:
        raise DataError(
            f"{address}: the answer names no release of the database (db_version), so that entries of two releases "
            "could mix. Check source.endpoint, or run again later."
        )
    return str(release)
