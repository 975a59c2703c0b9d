"""BibTeX files: what to cite for the tables of a study."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pybtex.database.input.bibtex import LowLevelParser
from pybtex.exceptions import PybtexError

from elemflow.core.errors import ConfigError, nearest
from elemflow.core.files import write_text


def read_entries(path: str | Path) -> dict[str, str]:
    """Return the entries of a BibTeX file by key, each as BibTeX with its fields as given.

    Raises:
        ConfigError: The file is no BibTeX, or has a duplicate key.
    """
    entries: dict[str, str] = {}
    try:
        for kind, (key, fields) in LowLevelParser(Path(path).read_text(encoding="utf-8"), filename=str(path)):
            if key in entries:
                raise ConfigError(f"{path}: duplicate key '{key}'; keep one of the two entries.")
            lines = (f"  {name} = {{{''.join(parts)}}},\n" for name, parts in fields)
            entries[key] = f"@{kind}{{{key},\n{''.join(lines)}}}"
    except PybtexError as error:
        raise ConfigError(f"{path}: not valid BibTeX: {error}.") from None
    return entries


def find_entries(keys: Sequence[str], sources: Iterable[str | Path]) -> dict[str, str]:
    """Return the entries with the given keys, in their order; see `read_entries`.

    Args:
        keys: BibTeX keys.
        sources: Files with entries; of a key in several, the last one counts.

    Raises:
        ConfigError: A key has no entry.
    """
    entries: dict[str, str] = {}
    names = [str(source) for source in sources]
    for name in names:
        entries |= read_entries(name)
    for key in keys:
        if key not in entries:
            raise ConfigError(
                f"{' and '.join(names)}: no entry '{key}', which a `citation` in config/ names."
                f"{nearest(key, entries)} Add it to config/published/references.bib."
            )
    return {key: entries[key] for key in keys}


def write_bibliography(keys: Iterable[str], sources: Iterable[str | Path], path: str | Path) -> None:
    """Write the entries with the given keys, in their order.

    Args:
        keys: BibTeX keys.
        sources: Files with entries; see `find_entries`.
        path: Output.

    Raises:
        ConfigError: A key has no entry.
    """
    write_text(path, "\n".join(f"{entry}\n" for entry in find_entries(list(keys), sources).values()))
