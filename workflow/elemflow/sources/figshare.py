"""What figshare's interface states about a file: its size and MD5, without a key.

They verify the first download of a file whose SHA-256 nobody has written down. MD5 is no protection against a forger,
but finds every damaged or exchanged file.
"""

import hashlib
import logging
from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.sources.download import get_json
from elemflow.sources.journal import JOURNAL

log = logging.getLogger(__name__)

ARTICLES = "https://api.figshare.com/v2/articles"
_ATTEMPTS = 3


def check_stated(path: Path, article: int, file_id: int) -> None:
    """Compare a new file with the size and MD5 that figshare states; warn if it states none.

    Args:
        path: The file.
        article: Id of its article.
        file_id: Its own id.

    Raises:
        DataError: They differ; the file and the journal that vouches for it are removed.
    """
    address = f"{ARTICLES}/{article}/files?page_size=1000"
    try:
        answer = get_json(address, attempts=_ATTEMPTS)
        stated = next(row for row in answer if row["id"] == file_id)
        size, digest = int(stated["size"]), str(stated["computed_md5"])
    except (DataError, StopIteration, KeyError, TypeError, ValueError) as error:
        log.warning("%s cannot be compared with what figshare states about it: %s", path, error or "it is not listed")
        return
    found = (path.stat().st_size, _md5(path))
    if found != (size, digest):
        path.unlink()
        (path.parent / JOURNAL).unlink(missing_ok=True)
        raise DataError(
            f"{address}: file {file_id} has {size} bytes and MD5 {digest} there, but {found[0]} bytes and MD5 "
            f"{found[1]} arrived. They were removed; run again."
        )


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
