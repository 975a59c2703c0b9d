"""Training runs: inputs, parameters, code digests and resources of their rules."""

from functools import cache

from elemflow.config.base import base_of
from elemflow.config.kinds import FITTERS, parts_of
from elemflow.config.model import NetworkModel
from elemflow.core.declared import Parameters
from elemflow.core.errors import ConfigError
from elemflow.core.run import Run
from elemflow.plan import paths, resources
from elemflow.plan.grid import source_run
from elemflow.plan.reruns import Product
from elemflow.plan.stages.base import Context, Stage, Wildcards, compared
from elemflow.plan.stages.bases import Bases
from elemflow.plan.stages.curation import Curation
from elemflow.plan.stages.features import Features
from elemflow.plan.stages.splits import Splits


class Training(Stage):
    """Features and split to fitted members and their predictions."""

    def __init__(self, context: Context, curation: Curation, features: Features, splits: Splits, bases: Bases):
        super().__init__(context)
        self._bases = bases
        self._features = features
        self._curation = curation
        self._splits = splits

    @cache  # noqa: B019  one object per process
    def product(self, run: Run) -> Product:
        """Return the outputs of a run."""
        record = paths.RUN_RECORD.format(**run.keys())
        return Product(record, lambda: self._cfg(run), lambda: self._all_inputs(run))

    def output(self, run: Run, pattern: str) -> tuple[str, Product]:
        """Return an output of a run and the product it belongs to."""
        return pattern.format(**run.keys()), self.product(run)

    def inputs(self, run: Run) -> list[tuple[str, Product]]:
        """Return features, materials and split of a run, with their products."""
        features = self._features.files(run.dataset, run.representation)
        split = self._splits.split(run.dataset, run.property, run.protocol)
        return [*features, self._curation.materials(run.dataset), split]

    def _all_inputs(self, run: Run) -> list[tuple[str, Product]]:
        return [*self.inputs(run), *self._pretrained(run), *self._built_base(run)]

    def _built_base(self, run: Run) -> list[tuple[str, Product]]:
        """Return the base that the model of a run is fine-tuned from, if the workflow builds it."""
        base = base_of(self.settings.models[run.model], self.settings.bases, f"model '{run.model}'")
        return [self._bases.file(base)] if base else []

    def _pretrained(self, run: Run) -> list[tuple[str, Product]]:
        try:
            source = source_run(self.settings, run)
        except ConfigError as error:
            raise ConfigError(f"Run {run.path}: {error}") from None
        if source is None:
            return []
        split = self._splits.split(source.dataset, source.property, source.protocol)
        return [self.output(source, paths.MODEL), split, self._curation.materials(source.dataset)]

    def features(self, wildcards: Wildcards) -> list[str]:
        """Return the feature files of a representation, in the order of its parts."""
        return compared(self.product(Run.of(wildcards)), self.inputs(Run.of(wildcards))[:-2])

    def materials(self, wildcards: Wildcards) -> str:
        """Return the materials of the dataset."""
        return compared(self.product(Run.of(wildcards)), self.inputs(Run.of(wildcards))[-2:-1])[0]

    def split(self, wildcards: Wildcards) -> str:
        """Return the split of the protocol."""
        return compared(self.product(Run.of(wildcards)), self.inputs(Run.of(wildcards))[-1:])[0]

    def pretrained(self, wildcards: Wildcards) -> list[str]:
        """Return what a run takes from its pre-training run, if it has one: models, split and materials."""
        return compared(self.product(Run.of(wildcards)), self._pretrained(Run.of(wildcards)))

    def base(self, wildcards: Wildcards) -> list[str]:
        """Return the base that a run is fine-tuned from, if the workflow builds it."""
        return compared(self.product(Run.of(wildcards)), self._built_base(Run.of(wildcards)))

    def cfg(self, wildcards: Wildcards) -> Parameters:
        """Return what a run depends on, titles and published names aside."""
        return self._cfg(Run.of(wildcards))

    def _cfg(self, run: Run) -> Parameters:
        dataset, protocol = self.settings.datasets[run.dataset], self.settings.protocol(run.protocol)
        prop = dataset.properties.get(run.property)
        if prop is None:
            raise ConfigError(f"Dataset '{run.dataset}' has no property '{run.property}'.")
        model = self.settings.models[run.model].training_parameters()
        for path, _ in self._built_base(run):
            # A base that the workflow builds has a path instead of a file that somebody declared.
            model = {**model, "file": path}
        return {
            "run": run.keys(),
            "property": dataset.property_parameters(run.property),
            "model": model,
            "protocol": protocol.training_parameters(prop, parts_of(run.representation)),
        }

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that trains a run."""
        return self.code_of("train_model.py", wildcards, FITTERS[self.settings.models[wildcards.model].kind])

    def code_of(self, script: str, wildcards: Wildcards, *modules: str) -> str:
        """Return the digest of a script that runs the model of a run, with the family of its network."""
        model = self.settings.models[wildcards.model]
        if not isinstance(model, NetworkModel):
            return self.context.digest(script, modules)
        return self.context.digest(script, (*modules, type(model.spec).__module__), model.spec.source_file)

    def gpus(self, wildcards: Wildcards) -> int:
        """Return the number of GPUs a run requests: one for a network, none for an estimator."""
        return int(isinstance(self.settings.models[wildcards.model], NetworkModel))

    def _count_materials(self, wildcards: Wildcards) -> int:
        """Return how many materials a run has, or a guess while the dataset is not curated."""
        most = self.settings.protocol(wildcards.protocol).split.reductions.max_materials
        found = resources.count_materials(paths.CURATION.format(dataset=wildcards.dataset))
        return min(found, most) if most else found

    def memory_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the memory of a training job in MB, more on each attempt."""
        model, protocol = self.settings.models[wildcards.model], self.settings.protocol(wildcards.protocol)
        materials = self._count_materials(wildcards)
        return resources.training_memory_mb(materials, wildcards.representation, model, protocol) * attempt

    def minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the minutes that a training job requests, more on each attempt unless it trains a network."""
        model, protocol = self.settings.models[wildcards.model], self.settings.protocol(wildcards.protocol)
        return resources.training_minutes(self._count_materials(wildcards), model, protocol, attempt)
