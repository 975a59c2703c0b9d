"""Metrics and applicability of runs: inputs, parameters and code digests of their rules."""

from functools import cache

from elemflow.core.declared import Parameters
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.reruns import Product
from elemflow.plan.stages.base import Context, Stage, Wildcards, compared
from elemflow.plan.stages.training import Training


class Evaluation(Stage):
    """Predictions to metrics, and materials to their distance from the training set."""

    def __init__(self, context: Context, training: Training):
        super().__init__(context)
        self._training = training

    @cache  # noqa: B019  one object per process
    def product(self, run: Run) -> Product:
        """Return the metrics of a run."""
        record = paths.METRICS_RECORD.format(**run.keys())
        predictions = self._training.output(run, paths.PREDICTIONS)
        return Product(record, lambda: self._cfg(run.protocol), lambda: [predictions])

    @cache  # noqa: B019  one object per process
    def applicability_product(self, run: Run) -> Product:
        """Return the applicability of a run."""
        record = paths.APPLICABILITY_RECORD.format(**run.keys())
        return Product(record, lambda: self._applicability_cfg(run), lambda: self._training.inputs(run))

    def predictions(self, wildcards: Wildcards) -> str:
        """Return the predictions of a run."""
        product = self.product(Run.of(wildcards))
        return compared(product, product.inputs())[0]

    def cfg(self, wildcards: Wildcards) -> Parameters:
        """Return what the evaluation of a run depends on besides its predictions."""
        return self._cfg(wildcards.protocol)

    def _cfg(self, name: str) -> Parameters:
        return self.settings.protocol(name).evaluation_parameters()

    def applicability_features(self, wildcards: Wildcards) -> list[str]:
        """Return the features of a run whose materials are compared."""
        return self._applicability_inputs(wildcards)[:-2]

    def applicability_materials(self, wildcards: Wildcards) -> str:
        """Return the materials that are compared."""
        return self._applicability_inputs(wildcards)[-2]

    def applicability_split(self, wildcards: Wildcards) -> str:
        """Return the split whose sets are compared."""
        return self._applicability_inputs(wildcards)[-1]

    def _applicability_inputs(self, wildcards: Wildcards) -> list[str]:
        product = self.applicability_product(Run.of(wildcards))
        return compared(product, product.inputs())

    def applicability_cfg(self, wildcards: Wildcards) -> Parameters:
        """Return which numbers of a run count as its materials, and how many of its members share a split."""
        return self._applicability_cfg(Run.of(wildcards))

    def _applicability_cfg(self, run: Run) -> Parameters:
        keys = {"dataset": run.dataset, "property": run.property}
        return {"run": keys, "members_per_split": self.settings.protocol(run.protocol).members_per_split}
