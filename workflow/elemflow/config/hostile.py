"""Texts of declarations that would do harm where they are shown or stored."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from elemflow.core.errors import ConfigError

ENDS_SCRIPT = re.compile(r"</\s*script|<!--", re.IGNORECASE)
"""What ends the script in which the report of Snakemake keeps the parameters of jobs."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters that no text for readers has, and halves of characters that cannot be written."""
SECRET = re.compile(
    r"(^|[-_.])(token|key|apikey|secret|password|passwd|pwd|signature|sig|credential|auth)$", re.IGNORECASE
)
"""Names of the parameters of an address that let their holder in."""
OWN_FILES = ("manifest.json", "retrieved.jsonl", "structures_by_row.parquet")
"""Names of the files that a retrieval writes next to the files of a source."""


def check_texts(declared: Any, where: str) -> None:
    """Check that no text of a declaration ends a script, or has characters that cannot be shown.

    Raises:
        ConfigError: Names the file and the key.
    """
    for path, text in _texts(declared):
        for pattern, what in ((ENDS_SCRIPT, "HTML that ends a script"), (CONTROL, "a control character")):
            if (found := pattern.search(text)) and not path.endswith("separator"):
                raise ConfigError(f"{where}: key '{path}': the text has {what}, {found.group()!a}; remove it.")


def check_address(address: str, where: str) -> None:
    """Check that an address has no credentials: it is stored in manifests, journals, metadata and crates.

    Args:
        address: An http(s) address; any other text passes.
        where: File and key.

    Raises:
        ConfigError: It has a user, a password, or a parameter such as `token`; the message does not repeat it.
    """
    if not address.lower().startswith(("http://", "https://")):
        return
    try:
        parts = urlsplit(address)
        named = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if SECRET.search(name)]
    except ValueError as error:
        raise ConfigError(f"{where}: no address: {error}.") from None
    if "@" in parts.netloc or named:
        found = f"the parameter '{named[0]}'" if named else "a user or password"
        raise ConfigError(
            f"{where}: the address has {found}, which manifest and crate would publish. Put user and password into "
            "~/.netrc, or download the file and name it under 'path'."
        )


def check_file_name(address: str, where: str) -> None:
    """Check that the last part of a path or address can be the name of a raw file.

    Raises:
        ConfigError: There is none, or a retrieval writes a file of that name.
    """
    path = urlsplit(address).path if "://" in address else address
    name = PurePosixPath(path).name
    if not name or name == ".." or path.endswith("/"):
        raise ConfigError(f"{where}: {address!r} ends in no name of a file. Name the file itself.")
    if name in OWN_FILES:
        raise ConfigError(f"{where}: a retrieval writes a file {name} of its own. Give the table another name.")


def _texts(declared: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a declaration with the path of its key."""
    if isinstance(declared, str):
        yield path, declared
    elif isinstance(declared, dict):
        for key, value in declared.items():
            below = f"{path}.{key}" if path else str(key)
            yield below, str(key)
            yield from _texts(value, below)
    elif isinstance(declared, list | tuple):
        for number, value in enumerate(declared):
            yield from _texts(value, f"{path}[{number}]")
