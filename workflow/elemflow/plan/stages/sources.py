"""Retrieval of raw records: inputs, parameters and code digests of its rules."""

import glob
import os
import re

from elemflow.config.kinds import SOURCES
from elemflow.core.declared import Parameters
from elemflow.core.files import digest_of
from elemflow.plan.stages.base import Stage, Wildcards

_FIELD = re.compile(r"\{[^{}]+\}")


def _state(pattern: str) -> str:
    """Return a digest of the names, sizes and times of the files that a pattern such as `cifs/{id}.cif` may mean.

    They can be too many to be inputs of a job.
    """
    found = sorted(glob.iglob("*".join(map(glob.escape, _FIELD.split(pattern)))))
    states = [(path, os.stat(path)) for path in found]
    return digest_of([[path, state.st_size, state.st_mtime_ns] for path, state in states])


class Sources(Stage):
    """Retrieval of raw records."""

    def local_table(self, wildcards: Wildcards) -> list[str]:
        """Return the local file that a dataset is copied from, if it is."""
        path = self.settings.datasets[wildcards.dataset].local_file(self.settings.data_folder)
        return [path] if path else []

    def cfg(self, wildcards: Wildcards) -> Parameters:
        """Return what retrieval depends on: not the texts that captions show."""
        dataset = self.settings.datasets[wildcards.dataset]
        source = dataset.source_parameters(self.settings.data_folder)
        files = {"files": _state(source["structures"])} if source.get("structures") else {}
        return {"source": source, **files}

    def module(self, dataset: str) -> str:
        """Return the module that retrieves and reads a dataset."""
        return SOURCES[self.settings.datasets[dataset].source.kind]

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that retrieves a dataset."""
        return self.context.digest("retrieve_dataset.py", (self.module(wildcards.dataset),))
