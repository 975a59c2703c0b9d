"""What a start says of a local table, or a list of a split, that is not there.

Only Snakemake's graph knows whether a file is needed: a target may do without the dataset, its products may be there,
another rule may make the table, or a storage may hold it. So the message takes the place of Snakemake's own in the log.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.config.load import Settings
from elemflow.core.errors import nearest
from elemflow.splits.schemes.file import File

# In another Snakefile, names of rules may have a prefix.
_MISSING = re.compile(
    r"Missing input files.* for rule \w*(?:"
    r"retrieve_dataset:.*^\s+wildcards: dataset=(?P<dataset>\S+)$|"
    r"split_dataset:.*^\s+wildcards: dataset=\S+, property=\S+, protocol=(?P<protocol>\S+)$)",
    re.MULTILINE | re.DOTALL,
)


def describe_missing(path: str, *, joined: bool = False) -> str:
    """Return that a local file is missing, which file there has nearly its name, and what to do.

    Args:
        path: The file.
        joined: Whether it is put together from public repositories where no `data_folder` is set.
    """
    folder, name = Path(path).parent, Path(path).name
    try:
        hint = nearest(name, sorted(file.name for file in folder.iterdir() if file.is_file()))
    except FileNotFoundError:
        hint = f" There is no folder {folder}."
    except OSError:  # no folder, or none that may be read
        hint = ""
    instead = "remove data_folder, so that it is put together from public repositories" if joined else "set data_folder"
    return f"{path} is missing.{hint} Put it there, or {instead}."


class MissingTables(logging.Filter):
    """Puts one message of elemflow in the place of Snakemake's on the missing input of a retrieval or a split.

    Args:
        settings: Checked settings.
        config: The merged configuration as given, for the place that names a file.
    """

    def __init__(self, settings: Settings, config: Mapping[str, Any]):
        super().__init__()
        self._settings = settings
        self._overrides: Mapping[str, Any] = config.get("overrides") or {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True, so that every record is logged, after a change of one that names a missing file."""
        if getattr(record, "exception", None) == "MissingInputException":
            found = _MISSING.search(record.getMessage())
            if found and (message := self._message(**found.groupdict())):
                record.msg, record.args = message, ()
        return True

    def _message(self, dataset: str | None, protocol: str | None) -> str:
        return self._of_table(dataset) if dataset else self._of_split(protocol) if protocol else ""

    def _of_table(self, name: str) -> str:
        """Return what to say of the table of a dataset; empty if it has none."""
        dataset = self._settings.datasets[name]
        path = dataset.local_file(self._settings.data_folder)
        place = self._place("datasets", name, "source")
        return f"{place}: {describe_missing(path, joined=dataset.is_joined)}" if path else ""

    def _of_split(self, name: str) -> str:
        """Return what to say of the list that a protocol splits by; empty if there is none."""
        split = self._settings.protocol(name).split
        path = str(self._settings.data_folder / split.path) if isinstance(split, File) else ""
        place = self._place("protocols", name.partition("@")[0], "split")
        return f"{place}: {describe_missing(path)}" if path and not Path(path).is_file() else ""

    def _place(self, kind: str, name: str, section: str) -> str:
        """Return where the path of a file is declared."""
        given = ((self._overrides.get(kind) or {}).get(name) or {}).get(section) or {}
        if "path" in given:
            return f"config: key 'overrides.{kind}.{name}.{section}.path'"
        return f"config/{kind}/{name}.yaml: key '{section}.path'"
