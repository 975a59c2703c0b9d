"""Training runs: inputs, parameters, code digests and resources of their rules."""

from functools import cache

from elemflow.config.kinds import FITTERS, parts_of
from elemflow.config.protocol import clips, scaling_of
from elemflow.core.errors import ConfigError
from elemflow.core.run import Run
from elemflow.networks.families.registry import read_spec
from elemflow.plan import paths, resources
from elemflow.plan.grid import source_run
from elemflow.plan.reruns import Product
from elemflow.plan.stages.base import Config, Stage, Wildcards, compared

EVALUATION_KEYS = ("title", "report", "ensemble", "uncertainty")  # of a protocol; training does not depend on them


class Training(Stage):
    """Features and split to fitted members and their predictions."""

    @cache  # noqa: B019  one object per process
    def product(self, run: Run) -> Product:
        """Return the outputs of a run."""
        record = paths.RUN_RECORD.format(**run.keys())
        return Product(record, lambda: self._cfg(run), lambda: [*self.inputs(run), *self._pretrained(run)])

    def output(self, run: Run, pattern: str) -> tuple[str, Product]:
        """Return an output of a run and the product it belongs to."""
        return pattern.format(**run.keys()), self.product(run)

    def inputs(self, run: Run) -> list[tuple[str, Product]]:
        """Return features, materials and split of a run, with their products."""
        features = self.workflow.features.files(run.dataset, run.representation)
        split = self.workflow.splits.split(run.dataset, run.property, run.protocol)
        return [*features, self.workflow.curation.materials(run.dataset), split]

    def _pretrained(self, run: Run) -> list[tuple[str, Product]]:
        try:
            source = source_run(self.settings, run)
        except ConfigError as error:
            raise ConfigError(f"Run {run.path}: {error}") from None
        if source is None:
            return []
        split = self.workflow.splits.split(source.dataset, source.property, source.protocol)
        return [self.output(source, paths.MODEL), split, self.workflow.curation.materials(source.dataset)]

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

    def cfg(self, wildcards: Wildcards) -> Config:
        """Return what a run depends on, titles and published names aside."""
        return self._cfg(Run.of(wildcards))

    def _cfg(self, run: Run) -> Config:
        model = {k: v for k, v in self.settings.models[run.model].items() if k not in ("title", "published")}
        protocol = {k: v for k, v in self.settings.protocol(run.protocol).items() if k not in EVALUATION_KEYS}
        prop = self.settings.datasets[run.dataset]["properties"].get(run.property)
        if prop is None:
            raise ConfigError(f"Dataset '{run.dataset}' has no property '{run.property}'.")
        kept = {key: prop[key] for key in ("unit", "minimum") if key in prop}
        protocol["clip_predictions"] = clips(protocol["clip_predictions"], prop)
        declared = protocol.pop("scaling", {})
        scaling = {} if "pretraining" in protocol else scaling_of(declared, parts_of(run.representation))
        if scaling:
            protocol["scaling"] = scaling
        return {"run": run.keys(), "property": kept, "model": model, "protocol": protocol}

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that trains a run."""
        return self.code_of("train_model.py", wildcards, FITTERS[self.settings.models[wildcards.model]["kind"]])

    def code_of(self, script: str, wildcards: Wildcards, *modules: str) -> str:
        """Return the digest of a script that runs the model of a run, with the family of its network."""
        model = self.settings.models[wildcards.model]
        spec = model["spec"] if model["kind"] == "network" else {}
        families = (type(read_spec(spec)).__module__,) if spec else ()
        return self.workflow.digest(script, (*modules, *families), spec.get("file"))

    def gpus(self, wildcards: Wildcards) -> int:
        """Return the number of GPUs a run requests: one for a network, none for an estimator."""
        return 1 if self.settings.models[wildcards.model]["kind"] == "network" else 0

    def _count_materials(self, wildcards: Wildcards) -> int:
        """Return how many materials a run has, or a guess while the dataset is not curated."""
        most: int | None = self.settings.protocol(wildcards.protocol)["split"].get("max_materials")
        found = resources.count_materials(paths.CURATION.format(dataset=wildcards.dataset))
        return min(found, most) if most else found

    def memory_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the memory of a training job in MB, more on each attempt."""
        model, protocol = self.settings.models[wildcards.model], self.settings.protocol(wildcards.protocol)
        materials = self._count_materials(wildcards)
        return resources.training_memory_mb(materials, wildcards.representation, model, protocol) * attempt

    def minutes(self, wildcards: Wildcards) -> int:
        """Return the minutes that a training job requests."""
        model, protocol = self.settings.models[wildcards.model], self.settings.protocol(wildcards.protocol)
        return resources.training_minutes(self._count_materials(wildcards), model, protocol)
