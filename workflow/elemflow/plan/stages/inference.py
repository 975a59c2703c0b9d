"""Trained members on their own and on new materials: inputs, parameters and code digests of the rules."""

from functools import cache

from elemflow.core.declared import Parameters
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.reruns import Product
from elemflow.plan.stages.base import Context, Stage, Wildcards, compared
from elemflow.plan.stages.features import Features
from elemflow.plan.stages.training import Training


class Inference(Stage):
    """What stored models say of their inputs and of new materials."""

    def __init__(self, context: Context, features: Features, training: Training):
        super().__init__(context)
        self._features = features
        self._training = training

    # Ten permutations as in huang2020; 5,000 materials give an increase to about a hundredth of the error.
    importance_cfg: Parameters = {"repeats": 10, "rows": 5000}  # noqa: RUF012  a parameter of Snakemake

    @cache  # noqa: B019  one object per process
    def importance_product(self, run: Run) -> Product:
        """Return the permutation importance of a run."""

        def inputs() -> list[tuple[str, Product]]:
            features = self._features.files(run.dataset, run.representation)
            outputs = [self._training.output(run, path) for path in (paths.PREDICTIONS, paths.MODEL)]
            return [*features, *outputs]

        return Product(paths.IMPORTANCE_RECORD.format(**run.keys()), lambda: self.importance_cfg, inputs)

    def _importance_inputs(self, wildcards: Wildcards) -> list[str]:
        product = self.importance_product(Run.of(wildcards))
        return compared(product, product.inputs())

    def features(self, wildcards: Wildcards) -> list[str]:
        """Return the features whose columns are permuted."""
        return self._importance_inputs(wildcards)[:-2]

    def predictions(self, wildcards: Wildcards) -> str:
        """Return the predictions from unpermuted features."""
        return self._importance_inputs(wildcards)[-2]

    def model(self, wildcards: Wildcards) -> str:
        """Return the folder of the models."""
        return self._importance_inputs(wildcards)[-1]

    def importance_code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that permutes the inputs of a run."""
        return self._training.code_of("permute_inputs.py", wildcards)

    def candidate_features(self, wildcards: Wildcards) -> list[str]:
        """Return the features of candidates in the representation of the run that predicts them."""
        files = self._features.files(wildcards.candidates, wildcards.representation)
        return [path for path, _ in files]

    def candidates_cfg(self, wildcards: Wildcards) -> Parameters:
        """Return what the ranking of candidates depends on besides the files of the run."""
        return {"report": self.settings.protocol(wildcards.protocol).report}

    def candidates_code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that ranks candidates by a run."""
        return self._training.code_of("rank_candidates.py", wildcards)
