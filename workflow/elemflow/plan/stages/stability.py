"""Hulls, and stability from the predictions of runs: inputs, parameters and code digests of their rules."""

from dataclasses import replace
from functools import cache

from elemflow.core.declared import Parameters
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.reruns import Product
from elemflow.plan.stages.base import Context, Stage, Wildcards, compared
from elemflow.plan.stages.curation import Curation
from elemflow.plan.stages.training import Training


class Stability(Stage):
    """Materials to the hull of a dataset, and predictions to decisions which compounds are stable."""

    def __init__(self, context: Context, curation: Curation, training: Training):
        super().__init__(context)
        self._curation, self._training = curation, training

    @cache  # noqa: B019  one object per process
    def product(self, run: Run) -> Product:
        """Return the stability of a run."""
        record = paths.STABILITY_RECORD.format(**run.keys())
        return Product(record, lambda: self._cfg(run), lambda: [*self._inputs(run), *self._nested(run)])

    def _inputs(self, run: Run) -> list[tuple[str, Product]]:
        predictions = self._training.output(run, paths.PREDICTIONS)
        return [predictions, *self._training.inputs(run)[-2:]]

    def _nested(self, run: Run) -> list[tuple[str, Product]]:
        name = self.settings.protocol(run.protocol).nested
        return [self._training.output(replace(run, protocol=name), paths.PREDICTIONS)] if name else []

    def inputs(self, wildcards: Wildcards) -> list[str]:
        """Return predictions, materials and split of a run."""
        run = Run.of(wildcards)
        return compared(self.product(run), self._inputs(run))

    def nested(self, wildcards: Wildcards) -> list[str]:
        """Return the predictions of the run that left out pairs of folds, if the protocol names one."""
        run = Run.of(wildcards)
        return compared(self.product(run), self._nested(run))

    def cfg(self, wildcards: Wildcards) -> Parameters:
        """Return which numbers of a run are energies, and how many of its members share a split."""
        return self._cfg(Run.of(wildcards))

    def _cfg(self, run: Run) -> Parameters:
        return {
            "property": run.property,
            "members_per_split": self.settings.protocol(run.protocol).members_per_split,
        }

    @cache  # noqa: B019  one object per process
    def hull_product(self, dataset: str, property_id: str) -> Product:
        """Return the hull of a dataset."""
        record = paths.HULL_RECORD.format(dataset=dataset, property=property_id)
        return Product(
            record, lambda: self._hull_cfg(dataset, property_id), lambda: [self._curation.materials(dataset)]
        )

    def hull_materials(self, wildcards: Wildcards) -> str:
        """Return the materials of a hull."""
        product = self.hull_product(wildcards.dataset, wildcards.property)
        return compared(product, product.inputs())[0]

    def hull_cfg(self, wildcards: Wildcards) -> Parameters:
        """Return what the file of a hull notes of its data."""
        return self._hull_cfg(wildcards.dataset, wildcards.property)

    def _hull_cfg(self, dataset: str, property_id: str) -> Parameters:
        declared = self.settings.datasets[dataset]
        source = {"dataset": dataset, "property": property_id, "title": declared.title, "version": declared.version}
        return {"source": source, "property": property_id}
