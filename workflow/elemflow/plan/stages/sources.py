"""Retrieval of raw records: inputs, parameters and code digests of its rules."""

from elemflow.config.kinds import SOURCES
from elemflow.plan.stages.base import Config, Stage, Wildcards


class Sources(Stage):
    """Retrieval of raw records."""

    def declared(self, dataset: str) -> Config:
        """Return a dataset declaration with the path of a local table resolved."""
        declared = self.settings.datasets[dataset]
        source = dict(declared["source"])
        if "path" in source:
            source["path"] = str(self.settings.data_folder / source["path"])
        return declared | {"source": source}

    def local_table(self, wildcards: Wildcards) -> list[str]:
        """Return the local file that a dataset is copied from, if it is."""
        source = self.declared(wildcards.dataset)["source"]
        return [source["path"]] if "path" in source else []

    def cfg(self, wildcards: Wildcards) -> Config:
        """Return what retrieval depends on: not the texts that captions show."""
        return {"source": self.declared(wildcards.dataset)["source"]}

    def module(self, dataset: str) -> str:
        """Return the module that retrieves and reads a dataset."""
        return SOURCES[self.settings.datasets[dataset]["source"]["kind"]]

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that retrieves a dataset."""
        return self.workflow.digest("retrieve_dataset.py", (self.module(wildcards.dataset),))
