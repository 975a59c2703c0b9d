"""Curation of raw records: inputs, parameters and code digests of its rules."""

from functools import cache

from elemflow.core.declared import Parameters
from elemflow.plan import paths
from elemflow.plan.reruns import Product
from elemflow.plan.stages.base import Context, Stage, Wildcards, compared
from elemflow.plan.stages.sources import Sources


class Curation(Stage):
    """Raw records to one row per material."""

    def __init__(self, context: Context, sources: Sources):
        super().__init__(context)
        self._sources = sources

    @cache  # noqa: B019  one object per process
    def product(self, dataset: str) -> Product:
        """Return the curated files of a dataset."""
        record = paths.MATERIALS_RECORD.format(dataset=dataset)
        manifest = paths.MANIFEST.format(dataset=dataset)
        return Product(record, lambda: self._cfg(dataset), lambda: [(manifest, None)])

    def materials(self, dataset: str) -> tuple[str, Product]:
        """Return the materials of a dataset and the product that they belong to."""
        return paths.MATERIALS.format(dataset=dataset), self.product(dataset)

    def manifest(self, wildcards: Wildcards) -> str:
        """Return the manifest of the raw files."""
        product = self.product(wildcards.dataset)
        return compared(product, product.inputs())[0]

    def texts(self, wildcards: Wildcards) -> Parameters:
        """Return what captions say of a dataset, on which no number depends."""
        return self.settings.datasets[wildcards.dataset].texts()

    def titles(self, wildcards: Wildcards) -> Parameters:
        """Return the titles of the properties of a dataset, by id."""
        properties = self.settings.datasets[wildcards.dataset].properties
        return {"titles": {name: spec.title for name, spec in properties.items()}}

    def cfg(self, wildcards: Wildcards) -> Parameters:
        """Return what curation depends on: not the texts that captions show."""
        return self._cfg(wildcards.dataset)

    def _cfg(self, name: str) -> Parameters:
        return self.settings.datasets[name].curation_parameters()

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that reads and curates a dataset."""
        return self.context.digest("curate_dataset.py", (self._sources.module(wildcards.dataset),))
