"""What the rules ask of the plan: inputs, parameters, code digests, resources and wildcards of every stage.

`workflow/common.smk` makes one `Workflow`, and the rules name its stages and methods, such as `wf.training.features`.
Methods take the wildcards of a job, so that each can be called in a test with a plain namespace. Inputs that decide
whether an expensive stage runs are compared by content (`elemflow.plan.reruns`).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from snakemake.io import ancient

from elemflow.config.kinds import (
    DATA_FIGURES,
    FEATURES,
    FIGURE_INPUTS,
    FIGURES,
    FITTERS,
    NETWORKS,
    READS_MATERIALS,
    READS_SPLITS,
    SOURCES,
    TABLE_INPUTS,
    TABLES,
    parts_of,
)
from elemflow.config.load import PlainSettings, load_plain, members_per_split
from elemflow.config.pretraining import MARK, target_of
from elemflow.config.protocol import clips, scaling_of
from elemflow.core.errors import ConfigError
from elemflow.core.run import Run
from elemflow.plan import claims, cli_targets, forecast, paths, resources
from elemflow.plan.build import Plan, build, citations
from elemflow.plan.claim_kinds.registry import claim_kinds
from elemflow.plan.grid import source_run
from elemflow.plan.out_of_date import describe_pending
from elemflow.plan.published import read_published, read_published_quantities
from elemflow.plan.reruns import Product, forget, is_old
from elemflow.provenance.code_digest import code_digest
from elemflow.provenance.failures import Failure, failure_of_run
from elemflow.splits.schemes.registry import read_split

Config = dict[str, Any]
"""Parameters of a job: JSON-like values, since Snakemake compares them as text."""
EVALUATION_KEYS = ("title", "report", "ensemble", "uncertainty")  # of a protocol; training does not depend on them
SHOWN_KEYS = ("title", "version", "license", "citation", "published_size", "missing_properties", "read_from")
"""Keys of a dataset that captions show and no number depends on."""


VARIATION = "(?:@[^/]+)?"
"""Pattern of the end of a variation's id; see `elemflow.config.variations`."""


class Wildcards:
    """What the rules read of the wildcards of a job."""

    dataset: str
    property: str
    representation: str
    model: str
    protocol: str
    part: str
    scatteritem: str
    study: str
    table: str
    figure: str
    candidates: str


def one_of(names: Iterable[str]) -> str:
    """Return a regular expression that matches exactly the given names."""
    return "|".join(re.escape(name) for name in sorted(names)) or "(?!)"


def growing(megabytes: int) -> Callable[[Wildcards, int], int]:
    """Return the resource function of a memory that grows by as much again with each attempt."""

    def memory_mb(wildcards: Wildcards, attempt: int) -> int:  # noqa: ARG001  Snakemake passes it
        return megabytes * attempt

    return memory_mb


class Workflow:
    """The configuration, the plan and the stages.

    Args:
        settings: Checked settings.
        root: Folder that holds the package, the scripts and the configuration.
        config: The merged configuration as given, for crates.

    Attributes:
        plan: Runs, tables and figures.
        claims: What the page of claims of each study shows.
        sources, curation, features, splits, training, evaluation, inference, reports: The stages.
    """

    def __init__(self, settings: PlainSettings, root: Path, config: Mapping[str, Any] | None = None):
        published = {
            **read_published(root / paths.PUBLISHED_MAE),
            **read_published_quantities(root / paths.PUBLISHED_OTHER),
        }
        self.settings, self.root, self.config = settings, root, dict(config or {})
        self.plan: Plan = build(settings, published)
        self.claims = claims.build(settings, self.plan)
        self.sources = Sources(self)
        self.curation = Curation(self)
        self.features = Features(self)
        self.splits = Splits(self)
        self.training = Training(self)
        self.evaluation = Evaluation(self)
        self.inference = Inference(self)
        self.reports = Reports(self)

    @classmethod
    def load(cls, config: Mapping[str, Any], root: Path, files: Sequence[str | Path] = ()) -> "Workflow":
        """Return the workflow of a merged configuration; see `elemflow.config.load.load_plain`."""
        return cls(load_plain(config, root, files), root, config)

    @cached_property
    def properties(self) -> set[str]:
        """Ids of all properties."""
        return {name for dataset in self.settings.datasets.values() for name in dataset["properties"]}

    @cached_property
    def constraints(self) -> dict[str, str]:
        """Regular expressions of the wildcards that all rules share."""
        features = one_of(FEATURES)
        return {
            "dataset": one_of(self.settings.datasets),
            "property": one_of(self.properties),
            "part": features,
            "representation": f"(?:{features})(?:\\+(?:{features}))*",
            "model": f"(?:{one_of(self.settings.models)}){VARIATION}",
            "protocol": f"(?:{one_of(self.settings.protocols)}){VARIATION}|{self._pretraining_pattern()}",
            "study": one_of(self.settings.selected),
            "table": one_of({table for _, table in self.plan.tables}),
            "figure": one_of({figure for _, figure in self.plan.figures}),
        }

    def _pretraining_pattern(self) -> str:
        """Return the pattern of their ids: hundreds of alternatives would take seconds to compile in each rule."""
        protocols = one_of(self.settings.protocols)
        parts = (protocols, MARK, one_of(self.settings.datasets), one_of(self.properties), protocols)
        return r"\.".join(f"(?:{part})" for part in parts) + VARIATION

    def check_targets(self, arguments: Sequence[str]) -> None:
        """Refuse a target of the command line with a study, an item or an id that does not exist."""
        items = {"tables": self.plan.tables, "figures": self.plan.figures}
        selected, datasets = self.settings.selected, self.settings.datasets
        absent = {name for each in datasets.values() for name in (*each["missing_properties"], *each["read_from"])}
        known = cli_targets.Known(
            declared=sorted(path.stem for path in (self.root / "config/studies").glob("*.y*ml")),
            selected=selected,
            items={
                kind: {study: [item for of, item in found if of == study] for study in selected}
                for kind, found in items.items()
            },
            ids={
                "dataset": datasets,
                "property": self.properties | absent,
                "representation": FEATURES,
                "model": self.settings.models,
                "protocol": cli_targets.ProtocolIds(self.settings.protocols),
            },
        )
        cli_targets.check_targets(arguments, known)

    def code(self, script: str, *modules: str, file: str | None = None) -> Callable[[Wildcards], str]:
        """Return the parameter function of a script's digest, with modules and a file that the config makes it run."""

        def digest(wildcards: Wildcards) -> str:  # noqa: ARG001  only jobs of this rule compute it
            return self.digest(script, modules, file)

        return digest

    def digest(self, script: str, modules: tuple[str, ...] = (), file: str | None = None) -> str:
        """Return the digest of a script's code."""
        files = (self.root / file,) if file else ()
        return code_digest(self.root / "scripts" / script, self.root / "workflow", modules, files)

    def everything(self) -> list[str]:
        """Return the targets of a whole build."""
        pages = [paths.PLAN, paths.ALL_TABLES, paths.ALL_FIGURES, paths.COSTS_PAGE]
        pretraining = [paths.METRICS.format(**run.keys()) for run in self.plan.runs if self.is_pretraining(run)]
        return [*pages, *self.reports.bibliographies(), *pretraining, *self.reports.all_claims()]

    def is_pretraining(self, run: Run) -> bool:
        """Return whether a run exists for others to start from; no table requests it."""
        return target_of(self.settings.protocols, run.protocol) is not None

    def raw(self) -> list[str]:
        """Return the manifest of every dataset that a run or a figure needs."""
        return [paths.MANIFEST.format(dataset=dataset) for dataset in self.plan.datasets()]

    def datasets(self) -> list[str]:
        """Return funnel and description of every dataset that a run or a figure needs."""
        return [
            path.format(dataset=dataset) for dataset in self.plan.datasets() for path in (paths.CURATION, paths.ABOUT)
        ]

    def feature_files(self) -> list[str]:
        """Return every feature file that a run needs."""
        needed = {(run.dataset, part) for run in self.plan.runs for part in parts_of(run.representation)}
        return [paths.FEATURES.format(dataset=dataset, part=part) for dataset, part in sorted(needed)]

    def split_files(self) -> list[str]:
        """Return every split that a run needs."""
        needed = {(run.dataset, run.property, run.protocol) for run in self.plan.runs}
        return [split_path(*keys) for keys in sorted(needed)]

    def metrics(self) -> list[str]:
        """Return the metrics of every run."""
        runs = (run for run in self.plan.runs if not self.reports.failure(run.path))
        return [paths.METRICS.format(**run.keys()) for run in runs]

    def out_of_date(self, jobs: Iterable[Any], targets: Iterable[Any] = ()) -> str:
        """Return what to say of outputs that a finished start has left out of date or missing; empty if none.

        Args:
            jobs: All jobs of Snakemake's graph, run or not.
            targets: Those that were requested.
        """
        products = {
            "curate_dataset": lambda w: self.curation.product(w.dataset),
            "featurize_dataset": lambda w: self.features.product(w.dataset, w.part),
            "split_dataset": lambda w: self.splits.product(w.dataset, w.property, w.protocol),
            "train_model": lambda w: self.training.product(Run.of(w)),
            "evaluate_run": lambda w: self.evaluation.product(Run.of(w)),
            "assess_applicability": lambda w: self.evaluation.applicability_product(Run.of(w)),
            "permute_inputs": lambda w: self.inference.importance_product(Run.of(w)),
        }
        forget()
        made = {products[job.rule.name](job.wildcards): job for job in jobs if job.rule.name in products}
        return describe_pending(made, targets)


def split_path(dataset: str, property_id: str, protocol: str) -> str:
    """Return the path of a split."""
    return paths.SPLIT.format(dataset=dataset, property=property_id, protocol=protocol)


class Stage:
    """Part of a workflow."""

    def __init__(self, workflow: Workflow):
        self.workflow = workflow
        self.settings = workflow.settings


def compared(product: Product, files: Sequence[tuple[str, Product | None]]) -> list[str]:
    """Return input files, those whose bytes the product was made from as ancient."""
    return [ancient(path) if is_old(product, path, origin) else path for path, origin in files]


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


class Curation(Stage):
    """Raw records to one row per material."""

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

    def texts(self, wildcards: Wildcards) -> Config:
        """Return what captions say of a dataset, on which no number depends."""
        dataset = self.settings.datasets[wildcards.dataset]
        return {key: dataset[key] for key in ("title", "version", "license", "citation") if key in dataset}

    def cfg(self, wildcards: Wildcards) -> Config:
        """Return what curation depends on: not the texts that captions show."""
        return self._cfg(wildcards.dataset)

    def _cfg(self, name: str) -> Config:
        dataset = self.workflow.sources.declared(name)
        properties = {
            name: {key: value for key, value in spec.items() if key != "title"}
            for name, spec in dataset["properties"].items()
        }
        return {key: value for key, value in dataset.items() if key not in SHOWN_KEYS} | {"properties": properties}

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that reads and curates a dataset."""
        return self.workflow.digest("curate_dataset.py", (self.workflow.sources.module(wildcards.dataset),))


class Features(Stage):
    """Materials to feature files, one part of a representation at a time."""

    @cache  # noqa: B019  one object per process
    def product(self, dataset: str, part: str) -> Product:
        """Return the feature file of a part."""
        record = paths.FEATURES_RECORD.format(dataset=dataset, part=part)
        return Product(record, dict, lambda: [self.workflow.curation.materials(dataset)])

    def files(self, dataset: str, representation: str) -> list[tuple[str, Product]]:
        """Return the feature files of a representation in the order of its parts, with their products."""
        return [
            (paths.FEATURES.format(dataset=dataset, part=part), self.product(dataset, part))
            for part in parts_of(representation)
        ]

    def materials(self, wildcards: Wildcards) -> str:
        """Return the materials that a part is computed of."""
        product = self.product(wildcards.dataset, wildcards.part)
        return compared(product, product.inputs())[0]

    def chunk_cfg(self, wildcards: Wildcards) -> Config:
        """Return the module that computes one part of a representation, and for which share of the materials."""
        number, chunks = wildcards.scatteritem.split("-of-")
        place = {"chunk": int(number) - 1, "chunks": int(chunks)}
        return {"part": wildcards.part, "module": FEATURES[wildcards.part]} | place

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that computes one part of a representation."""
        return self.workflow.digest("featurize_chunk.py", (FEATURES[wildcards.part],))


class Splits(Stage):
    """Materials to training, validation and test sets."""

    @cache  # noqa: B019  one object per process
    def product(self, dataset: str, property_id: str, protocol: str) -> Product:
        """Return a split."""
        record = paths.SPLIT_RECORD.format(dataset=dataset, property=property_id, protocol=protocol)

        def inputs() -> list[tuple[str, Product | None]]:
            given = [(path, None) for path in self._given(protocol)]
            return [self.workflow.curation.materials(dataset), *given, *self._fine_tuned(protocol)]

        return Product(record, lambda: self._cfg(property_id, protocol), inputs)

    def split(self, dataset: str, property: str, protocol: str) -> tuple[str, Product]:  # noqa: A002  keys of a run
        """Return a split and the product it belongs to."""
        return split_path(dataset, property, protocol), self.product(dataset, property, protocol)

    def _fine_tuned(self, protocol: str) -> list[tuple[str, Product]]:
        """Return the files of the run whose evaluated compositions a pre-training must not see."""
        split = self.settings.protocol(protocol)["split"]
        target: dict[str, str] | None = split.get("exclude")
        return [self.split(**target), self.workflow.curation.materials(target["dataset"])] if target else []

    def _given(self, protocol: str) -> list[str]:
        path = self.settings.protocol(protocol)["split"].get("path")
        return [str(self.settings.data_folder / path)] if path else []

    def _cfg(self, property_id: str, protocol: str) -> Config:
        return {"property": property_id, "split": self.settings.protocol(protocol)["split"]}

    def _compared(self, wildcards: Wildcards, files: Sequence[tuple[str, Product | None]]) -> list[str]:
        return compared(self.product(wildcards.dataset, wildcards.property, wildcards.protocol), files)

    def materials(self, wildcards: Wildcards) -> str:
        """Return the materials to split."""
        return self._compared(wildcards, [self.workflow.curation.materials(wildcards.dataset)])[0]

    def given(self, wildcards: Wildcards) -> list[str]:
        """Return the list that a protocol splits by, if it does."""
        return self._compared(wildcards, [(path, None) for path in self._given(wildcards.protocol)])

    def fine_tuned(self, wildcards: Wildcards) -> list[str]:
        """Return split and materials of the run that a pre-training is for, if the split is that of one."""
        return self._compared(wildcards, self._fine_tuned(wildcards.protocol))

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that splits by the scheme of a protocol."""
        scheme = read_split(self.settings.protocol(wildcards.protocol)["split"])
        return self.workflow.digest("split_dataset.py", (type(scheme).__module__,))

    def cfg(self, wildcards: Wildcards) -> Config:
        """Return what a split depends on."""
        return self._cfg(wildcards.property, wildcards.protocol)


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
        families = (NETWORKS[spec["family"]],) if spec else ()
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


class Evaluation(Stage):
    """Predictions to metrics, and materials to their distance from the training set."""

    @cache  # noqa: B019  one object per process
    def product(self, run: Run) -> Product:
        """Return the metrics of a run."""
        record = paths.METRICS_RECORD.format(**run.keys())
        predictions = self.workflow.training.output(run, paths.PREDICTIONS)
        return Product(record, lambda: self._cfg(run.protocol), lambda: [predictions])

    @cache  # noqa: B019  one object per process
    def applicability_product(self, run: Run) -> Product:
        """Return the applicability of a run."""
        record = paths.APPLICABILITY_RECORD.format(**run.keys())
        return Product(record, lambda: self._applicability_cfg(run), lambda: self.workflow.training.inputs(run))

    def predictions(self, wildcards: Wildcards) -> str:
        """Return the predictions of a run."""
        product = self.product(Run.of(wildcards))
        return compared(product, product.inputs())[0]

    def cfg(self, wildcards: Wildcards) -> Config:
        """Return what the evaluation of a run depends on besides its predictions."""
        return self._cfg(wildcards.protocol)

    def _cfg(self, name: str) -> Config:
        protocol = self.settings.protocol(name)
        cfg = {"report": protocol["report"]}
        if "ensemble" not in protocol:
            return cfg
        members = {"members_per_split": members_per_split(protocol["split"])}
        return cfg | {key: protocol[key] for key in ("ensemble", "uncertainty")} | members

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

    def applicability_cfg(self, wildcards: Wildcards) -> Config:
        """Return which numbers of a run count as its materials, and how many of its members share a split."""
        return self._applicability_cfg(Run.of(wildcards))

    def _applicability_cfg(self, run: Run) -> Config:
        split = self.settings.protocol(run.protocol)["split"]
        keys = {"dataset": run.dataset, "property": run.property}
        return {"run": keys, "members_per_split": members_per_split(split)}


class Inference(Stage):
    """What stored models say of their inputs and of new materials."""

    # Ten permutations as in huang2020; 5,000 materials give an increase to about a hundredth of the error.
    importance_cfg: Config = {"repeats": 10, "rows": 5000}  # noqa: RUF012  a parameter of Snakemake

    @cache  # noqa: B019  one object per process
    def importance_product(self, run: Run) -> Product:
        """Return the permutation importance of a run."""

        def inputs() -> list[tuple[str, Product]]:
            features = self.workflow.features.files(run.dataset, run.representation)
            outputs = [self.workflow.training.output(run, path) for path in (paths.PREDICTIONS, paths.MODEL)]
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
        return self.workflow.training.code_of("permute_inputs.py", wildcards)

    def candidate_features(self, wildcards: Wildcards) -> list[str]:
        """Return the features of candidates in the representation of the run that predicts them."""
        files = self.workflow.features.files(wildcards.candidates, wildcards.representation)
        return [path for path, _ in files]

    def candidates_cfg(self, wildcards: Wildcards) -> Config:
        """Return what the ranking of candidates depends on besides the files of the run."""
        return {"report": self.settings.protocol(wildcards.protocol)["report"]}

    def candidates_code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that ranks candidates by a run."""
        return self.workflow.training.code_of("rank_candidates.py", wildcards)


class Reports(Stage):
    """Metrics to tables, figures, claims, costs and crates."""

    def __init__(self, workflow: Workflow):
        super().__init__(workflow)
        self.plan = workflow.plan

    @cache  # noqa: B019  one object per process
    def failure(self, run: str) -> Failure | None:
        """Return where a run failed, if failed runs are to be shown rather than tried again."""
        return failure_of_run(run, Path(paths.RESULTS)) if self.settings.keep_failed else None

    def runs(self, item: Config) -> list[Run]:
        """Return the runs behind a table or figure, without those that are shown as failed."""
        return [Run.parse(run) for run in self.plan.runs_of(item) if not self.failure(run)]

    def _files(self, item: Config, names: Iterable[str]) -> list[str]:
        return [paths.RUN_FILE.format(name=name, **run.keys()) for run in self.runs(item) for name in names]

    def _curation(self, item: Config) -> list[str]:
        return [paths.CURATION.format(dataset=dataset) for dataset in item["datasets"]]

    def table_about(self, wildcards: Wildcards) -> list[str]:
        """Return the descriptions of the datasets in a table, for readers of the results."""
        return [paths.ABOUT.format(dataset=dataset) for dataset in self.table(wildcards)["datasets"]]

    def figure_about(self, wildcards: Wildcards) -> list[str]:
        """Return the descriptions of the datasets in a figure, for readers of the results."""
        return [paths.ABOUT.format(dataset=dataset) for dataset in self.figure(wildcards)["datasets"]]

    def table(self, wildcards: Wildcards) -> Config:
        """Return what a table shows."""
        table = self.plan.tables[wildcards.study, wildcards.table]
        failed = {run: failure._asdict() for run in self.plan.runs_of(table) if (failure := self.failure(run))}
        return table | ({"failed": failed} if failed else {})

    def table_metrics(self, wildcards: Wildcards) -> list[str]:
        """Return the metrics behind a table."""
        return self._files(self.table(wildcards), ["metrics.json"])

    def table_files(self, wildcards: Wildcards) -> list[str]:
        """Return what the kind of a table reads of its runs besides their metrics."""
        table = self.table(wildcards)
        return self._files(table, TABLE_INPUTS[table["kind"]])

    def table_curation(self, wildcards: Wildcards) -> list[str]:
        """Return the funnels of the datasets in a table."""
        return self._curation(self.table(wildcards))

    def table_code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that writes a table."""
        return self.workflow.digest("make_table.py", (TABLES[self.table(wildcards)["kind"]],))

    def tables_code(self, script: str) -> Callable[[Wildcards], str]:
        """Return the parameter function of the digest of a script that reads tables and evaluates claims."""
        kinds = (type(kind).__module__ for kind in claim_kinds().values())
        return self.workflow.code(script, *TABLES.values(), *kinds)

    def figure(self, wildcards: Wildcards) -> Config:
        """Return what a figure shows."""
        return self.plan.figures[wildcards.study, wildcards.figure]

    def figure_runs(self, wildcards: Wildcards) -> list[str]:
        """Return the files behind a figure: the metrics of its runs, and what its kind draws."""
        figure = self.figure(wildcards)
        return self._files(figure, ("metrics.json", *FIGURE_INPUTS.get(figure["kind"], ())))

    def figure_materials(self, wildcards: Wildcards) -> list[str]:
        """Return the materials of the datasets in a figure, if its kind reads them."""
        figure = self.figure(wildcards)
        datasets = figure["datasets"] if figure["kind"] in READS_MATERIALS else []
        return [paths.MATERIALS.format(dataset=dataset) for dataset in datasets]

    def figure_splits(self, wildcards: Wildcards) -> list[str]:
        """Return the splits of the runs in a figure, if its kind reads them."""
        figure = self.figure(wildcards)
        runs = self.runs(figure) if figure["kind"] in READS_SPLITS else []
        return [split_path(*keys) for keys in sorted({(run.dataset, run.property, run.protocol) for run in runs})]

    def figure_curation(self, wildcards: Wildcards) -> list[str]:
        """Return the funnels of the datasets in a figure."""
        return self._curation(self.figure(wildcards))

    def figure_code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that draws a figure."""
        return self.workflow.digest("plot_figure.py", ((FIGURES | DATA_FIGURES)[self.figure(wildcards)["kind"]],))

    def study_title(self, wildcards: Wildcards) -> str:
        """Return the title of a study, the category of its items in the report.

        The link that Snakemake makes of a category ends at its first colon, and two of one name spoil the first page.
        """
        title: str = self.settings.studies[wildcards.study]["title"]
        return title.replace(":", " –")

    def tables(self, suffix: str = "") -> list[str]:
        """Return one file of every table."""
        return [paths.TABLE.format(study=study, table=table) + suffix for study, table in self.plan.tables]

    def figures(self, suffix: str = "") -> list[str]:
        """Return one file of every figure."""
        return [paths.FIGURE.format(study=study, figure=figure) + suffix for study, figure in self.plan.figures]

    def claims(self, wildcards: Wildcards) -> Config:
        """Return what the page of claims of a study shows."""
        return self.workflow.claims[wildcards.study]

    def claim_csv(self, wildcards: Wildcards) -> list[str]:
        """Return the csv of the tables that the claims of a study are about."""
        return self._claim_tables(wildcards.study, ".csv")

    def claim_html(self, wildcards: Wildcards) -> list[str]:
        """Return the pages of the tables that the claims of a study are about."""
        return self._claim_tables(wildcards.study, ".html")

    def _claim_tables(self, study: str, suffix: str) -> list[str]:
        tables = self.workflow.claims[study]["tables"]
        return [paths.TABLE.format(study=study, table=table) + suffix for table in tables]

    def all_claim_tables(self) -> list[str]:
        """Return the csv of every table that a claim is about."""
        return [path for study in self.workflow.claims for path in self._claim_tables(study, ".csv")]

    def all_claims(self) -> list[str]:
        """Return the claims of every study that has any, and those of all together."""
        found = self.workflow.claims
        return [*(paths.CLAIMS.format(study=study) for study in found), paths.ALL_CLAIMS] if found else []

    def bibliography(self, wildcards: Wildcards) -> Config:
        """Return the citation keys behind a study."""
        return {"keys": citations(self.settings, self.plan, wildcards.study)}

    def bibliographies(self) -> list[str]:
        """Return the BibTeX file of every study that has tables."""
        studies = sorted({study for study, _ in self.plan.tables})
        return [paths.BIBLIOGRAPHY.format(study=study) for study in studies]

    def plan_rows(self, wildcards: Wildcards) -> Config:  # noqa: ARG002  see `Workflow.code`
        """Return the plan as a table for people."""
        return {"rows": list(self.plan.rows())}

    def runs_by_study(self, wildcards: Wildcards | None = None) -> Config:  # noqa: ARG002  see `Workflow.code`
        """Return the paths of the runs of every study."""
        studies: dict[str, list[str]] = {}
        for run, users in self.plan.runs.items():
            for study in sorted({user.split("/")[0] for user in users}):
                studies.setdefault(study, []).append(run.path)
        return {"studies": studies}

    def forecast(self, wildcards: Wildcards) -> Config:  # noqa: ARG002  see `Workflow.code`
        """Return what the forecast of costs reads of every run, with the true sizes of curated datasets."""
        return {"runs": forecast.describe(self.settings, self.plan, Path(paths.RESULTS))}

    def _items(self, study: str) -> list[Config]:
        return [
            item for group in (self.plan.tables, self.plan.figures) for (of, _), item in group.items() if of == study
        ]

    def crate_runs(self, wildcards: Wildcards) -> list[str]:
        """Return what a crate holds of the runs behind a study."""
        runs = map(Run.parse, self.runs_by_study()["studies"].get(wildcards.study, []))
        names = (paths.RUN_INFO, paths.METRICS, paths.PREDICTIONS)
        return [name.format(**run.keys()) for run in runs for name in names]

    def crate_products(self, wildcards: Wildcards) -> list[str]:
        """Return the tables and figures of a study, in every format, and what to cite."""
        study = wildcards.study
        tables = [paths.TABLE.format(study=study, table=table) for of, table in self.plan.tables if of == study]
        figures = [paths.FIGURE.format(study=study, figure=figure) for of, figure in self.plan.figures if of == study]
        return [
            *(table + suffix for table in tables for suffix in paths.SUFFIXES_OF_TABLE),
            *(figure + suffix for figure in figures for suffix in paths.SUFFIXES_OF_FIGURE),
            *([paths.BIBLIOGRAPHY.format(study=study)] if tables else []),
        ]

    def crate_manifests(self, wildcards: Wildcards) -> list[str]:
        """Return the manifests of the raw files behind a study."""
        datasets = dict.fromkeys(dataset for item in self._items(wildcards.study) for dataset in item["datasets"])
        return [paths.MANIFEST.format(dataset=dataset) for dataset in datasets]

    def crate_cfg(self, wildcards: Wildcards) -> Config:
        """Return what a crate says of a study besides its files."""
        study = self.settings.studies[wildcards.study]
        datasets = {name: about for item in self._items(wildcards.study) for name, about in item["datasets"].items()}
        shown = {
            name: {key: about[key] for key in ("title", "license", "citation")} for name, about in datasets.items()
        }
        # Where files lie is a matter of this machine.
        as_run = {key: value for key, value in self.workflow.config.items() if key not in ("data_folder", "mirror")}
        about = {"study": wildcards.study, "title": study["title"], "reference": study["reference"]}
        return about | {"datasets": shown, "configuration": as_run}
