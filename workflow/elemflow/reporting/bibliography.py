"""BibTeX files: what to cite for the tables of a study."""

import re
from collections.abc import Iterable
from pathlib import Path

from elemflow.core.errors import ConfigError, nearest
from elemflow.core.files import write_text

_ENTRY = re.compile(r"^@\w+\{\s*([^,\s]+)\s*,.*?^\}$", re.MULTILINE | re.DOTALL)


def read_entries(path: str | Path) -> dict[str, str]:
    """Return the entries of a BibTeX file as they stand there, by key.

    Args:
        path: A file whose entries start and end at the beginning of a line.

    Raises:
        ConfigError: A key stands twice.
    """
    entries: dict[str, str] = {}
    for match in _ENTRY.finditer(Path(path).read_text(encoding="utf-8")):
        if match[1] in entries:
            raise ConfigError(f"{path}: the key '{match[1]}' stands twice; keep one of the two entries.")
        entries[match[1]] = match[0]
    return entries


def write_bibliography(keys: Iterable[str], source: str | Path, path: str | Path) -> None:
    """Write the entries with the given keys, in their order.

    Args:
        keys: BibTeX keys.
        source: File with all entries.
        path: Output.

    Raises:
        ConfigError: A key has no entry.
    """
    entries = read_entries(source)
    texts = []
    for key in keys:
        if key not in entries:
            raise ConfigError(
                f"{source} has no entry '{key}', which a `citation` in config/ names.{nearest(key, entries)} Add one."
            )
        texts.append(f"{entries[key]}\n")
    write_text(path, "\n".join(texts))
