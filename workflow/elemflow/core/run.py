"""The identity of a run: what is learned, from which numbers, by which model, under which protocol.

It lies in `core`, since training, inference and reports name runs too and none of them knows the plan.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

from elemflow.core.errors import DataError


@dataclass(frozen=True, order=True)
class Run:
    """One training job.

    Attributes:
        dataset: Id of the dataset.
        property: Id of the property that is learned.
        representation: Feature sets, such as `st+pa+ef`.
        model: Id of the model.
        protocol: Id of the protocol.
    """

    dataset: str
    property: str
    representation: str
    model: str
    protocol: str

    @classmethod
    def of(cls, keys: Mapping[str, Any] | Any) -> Run:
        """Return the run that wildcards, a table cell or any other mapping names.

        Args:
            keys: A mapping, or an object with attributes, that has the five keys among others.
        """
        if isinstance(keys, Mapping):
            return cls(*(keys[key] for key in RUN_KEYS))
        return cls(*(getattr(keys, key) for key in RUN_KEYS))

    @classmethod
    def parse(cls, path: str) -> Run:
        """Return the run of a path below `results/runs/`.

        Raises:
            DataError: The path does not have five parts.
        """
        parts = path.split("/")
        if len(parts) != len(RUN_KEYS):
            raise DataError(f"{path}: a run is {'/'.join(f'<{key}>' for key in RUN_KEYS)}.")
        return cls(*parts)

    @classmethod
    def of_folder(cls, folder: str | PathLike[str]) -> Run:
        """Return the run whose results are in a folder, wherever an executor has put the results."""
        return cls(*Path(folder).parts[-len(RUN_KEYS) :])

    @builtins.property  # a field has the plain name
    def path(self) -> str:
        """Folder of the run below `results/runs/`."""
        return f"{self.dataset}/{self.property}/{self.representation}/{self.model}/{self.protocol}"

    def keys(self) -> dict[str, str]:
        """Return the five keys with their values."""
        return {key: getattr(self, key) for key in RUN_KEYS}


RUN_KEYS = tuple(field.name for field in fields(Run))
RUN_PATTERN = "/".join(f"{{{key}}}" for key in RUN_KEYS)
"""Path of a run as a Snakemake pattern."""
