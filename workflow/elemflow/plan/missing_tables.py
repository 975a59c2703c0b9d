"""What a start says of a local table that is not there.

Only Snakemake's graph knows whether a table is needed: a target may do without the dataset, its products may be there,
another rule may make the table, or a storage may hold it. So the message takes the place of Snakemake's own in the log.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.config.load import Settings
from elemflow.core.errors import nearest

# In another Snakefile, names of rules may have a prefix.
_MISSING = re.compile(
    r"Missing input files.* for rule \w*retrieve_dataset:.*^\s+wildcards: dataset=(\S+)$", re.MULTILINE | re.DOTALL
)


def describe_missing(path: str, *, joined: bool = False) -> str:
    """Return that a local table is missing, which file there has nearly its name, and what to do.

    Args:
        path: The table.
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
    """Puts one message of elemflow in the place of Snakemake's on the missing input of a retrieval.

    Args:
        settings: Checked settings.
        config: The merged configuration as given, for the place that names a table.
    """

    def __init__(self, settings: Settings, config: Mapping[str, Any]):
        super().__init__()
        self._settings = settings
        self._overrides: Mapping[str, Any] = (config.get("overrides") or {}).get("datasets") or {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True, so that every record is logged, after a change of one that names a missing table."""
        if getattr(record, "exception", None) == "MissingInputException":
            found = _MISSING.search(record.getMessage())
            if found and (message := self._message(found[1])):
                record.msg, record.args = message, ()
        return True

    def _message(self, dataset: str) -> str:
        """Return what to say of the table of a dataset; empty if it has none."""
        found = self._settings.datasets[dataset]
        path = found.local_file(self._settings.data_folder)
        place = f"config/datasets/{dataset}.yaml: key 'source.path'"
        if "path" in ((self._overrides.get(dataset) or {}).get("source") or {}):
            place = f"config: key 'overrides.datasets.{dataset}.source.path'"
        return f"{place}: {describe_missing(path, joined=found.is_joined)}" if path else ""
