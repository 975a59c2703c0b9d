"""What the rules ask of the plan: inputs, parameters, code digests, resources and wildcards of every stage.

`workflow/common.smk` makes one `Workflow`, and the rules name its stages and methods, such as `wf.training.features`.
Methods take the wildcards of a job, so that each can be called in a test with a plain namespace. Inputs that decide
whether an expensive stage runs are compared by content (`elemflow.plan.reruns`).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from elemflow.config.kinds import FEATURES, parts_of
from elemflow.config.load import Settings, load
from elemflow.config.pretraining import MARK, target_of
from elemflow.core.run import Run
from elemflow.plan import claims, cli_targets, paths
from elemflow.plan.build import Plan, build
from elemflow.plan.names import WITHOUT_SERVER, check_mirror, check_names
from elemflow.plan.out_of_date import describe_pending
from elemflow.plan.peers import add_peers
from elemflow.plan.published import PublishedValue, Question, read_published, read_published_quantities
from elemflow.plan.reruns import forget
from elemflow.plan.stages.base import Context, one_of
from elemflow.plan.stages.bases import Bases
from elemflow.plan.stages.curation import Curation
from elemflow.plan.stages.evaluation import Evaluation
from elemflow.plan.stages.features import Features
from elemflow.plan.stages.inference import Inference
from elemflow.plan.stages.record import Record
from elemflow.plan.stages.reports import Reports
from elemflow.plan.stages.site import Site
from elemflow.plan.stages.sources import Sources
from elemflow.plan.stages.splits import Splits, split_path
from elemflow.plan.stages.stability import Stability
from elemflow.plan.stages.training import Training
from elemflow.plan.time_left import TimeLeft, expected_jobs

VARIATION = "(?:@[^/]+)?"
"""Pattern of the end of a variation's id; see `elemflow.config.variations`."""


class Workflow:
    """The configuration, the plan and the stages.

    Args:
        settings: Checked settings.
        root: Folder that holds the package, the scripts, and the configuration and resources that ship.
        config: The merged configuration as given, for crates.
        own: Folder of the user's project, in which Snakemake works; None if it is `root`.

    Attributes:
        plan: Runs, tables and figures.
        claims: What the page of claims of each study shows.
        sources, curation, features, splits, bases, training, evaluation, stability, inference, reports, site, record:
            The stages.
    """

    def __init__(
        self, settings: Settings, root: Path, config: Mapping[str, Any] | None = None, own: Path | None = None
    ):
        self.settings, self.root, self.config = settings, root, dict(config or {})
        self.own = root if own is None or own.resolve() == root.resolve() else own
        published: dict[Question, tuple[PublishedValue, ...]] = {}
        for path in self.published(paths.PUBLISHED_MAE):
            published |= read_published(self.own / path)
        for path in self.published(paths.PUBLISHED_OTHER):
            published |= read_published_quantities(self.own / path)
        references = [self.own / path for path in self.published(paths.REFERENCES)]
        check_names(settings, published, self.declared_studies, references)
        self.plan: Plan = build(settings, published)
        add_peers(self.plan, settings, root / paths.PUBLISHED_STABILITY)
        self.claims = claims.build(settings, self.plan)
        context = Context(settings, root, self.own)
        self.code = context.code
        self.sources = Sources(context)
        self.curation = Curation(context, self.sources)
        self.features = Features(context, self.curation)
        self.splits = Splits(context, self.curation)
        self.bases = Bases(context, self.curation, self.splits)
        self.training = Training(context, self.curation, self.features, self.splits, self.bases)
        self.evaluation = Evaluation(context, self.training)
        self.stability = Stability(context, self.curation, self.training)
        self.inference = Inference(context, self.features, self.training)
        self.reports = Reports(context, self.plan, self.claims, self.config)
        self.site = Site(context, self.plan, self.claims, self.reports)
        self.record = Record(context, self.plan, self.reports)

    @classmethod
    def load(
        cls, config: Mapping[str, Any], root: Path, files: Sequence[str | Path] = (), own: Path | None = None
    ) -> "Workflow":
        """Return the workflow of a merged configuration; see `elemflow.config.load.load`."""
        return cls(load(config, root, files, own), root, config, own)

    def shipped(self, path: str) -> str:
        """Return the path of a file that ships, as seen from the folder that Snakemake works in."""
        return path if self.own == self.root else str(self.root / path)

    def published(self, path: str) -> list[str]:
        """Return the file of `resources/published/` that ships, then the user's own of that name, if there is one."""
        own = f"{paths.OWN_PUBLISHED}/{Path(path).name}"
        return [self.shipped(path), *([own] if (self.own / own).is_file() else [])]

    @cached_property
    def declared_studies(self) -> list[str]:
        """Ids of all studies, selected or not."""
        folders = (place / "config/studies" for place in (self.root, self.own))
        return sorted({path.stem for folder in folders for path in folder.glob("*.y*ml")})

    @cached_property
    def properties(self) -> set[str]:
        """Ids of all properties."""
        return {name for dataset in self.settings.datasets.values() for name in dataset.properties}

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
            "base": one_of(self.settings.bases),
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
        items = {"tables": list(self.plan.tables), "figures": list(self.plan.figures)}
        selected, datasets = self.settings.selected, self.settings.datasets
        absent = {name for each in datasets.values() for name in (*each.missing_properties, *each.read_from)}
        known = cli_targets.Known(
            declared=self.declared_studies,
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

    def check_mirror(self) -> None:
        """Refuse a mirror in a folder that does not exist, if a dataset is still to be taken from it."""
        datasets = self.settings.datasets
        check_mirror(
            self.config.get("mirror"),
            (
                name
                for name in self.plan.datasets()
                if datasets[name].source.kind not in WITHOUT_SERVER
                and not datasets[name].local_file(self.settings.data_folder)
                and not (self.own / paths.MANIFEST.format(dataset=name)).exists()
            ),
        )

    def everything(self) -> list[str]:
        """Return the targets of a whole build."""
        pages = [paths.SITE, paths.PLAN, paths.ALL_TABLES, paths.ALL_FIGURES, paths.COSTS_PAGE]
        pretraining = [paths.METRICS.format(**run.keys()) for run in self.plan.runs if self.is_pretraining(run)]
        described = [paths.CROISSANT.format(dataset=dataset) for dataset in self.reports.described_datasets()]
        texts = [*self.reports.bibliographies(), *described, *self.reports.all_claims()]
        return [*pages, *texts, *pretraining, *self.record.requested()]

    def is_pretraining(self, run: Run) -> bool:
        """Return whether a run exists for others to start from; no table requests it."""
        return target_of(self.settings.protocols, run.protocol) is not None

    def raw(self) -> list[str]:
        """Return the manifest of every dataset that a run or a figure needs."""
        return [paths.MANIFEST.format(dataset=dataset) for dataset in self.plan.datasets()]

    def datasets(self) -> list[str]:
        """Return funnel and descriptions of every dataset that a run or a figure needs."""
        patterns = (paths.CURATION, paths.ABOUT, paths.CROISSANT)
        return [path.format(dataset=dataset) for dataset in self.plan.datasets() for path in patterns]

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

    def time_left(self, jobs: Iterable[Any]) -> TimeLeft:
        """Return what says how much time some jobs of Snakemake's graph still take."""
        rates = self.root / paths.RATES
        return TimeLeft(expected_jobs(jobs, self.settings, self.plan, Path(paths.RESULTS), rates))

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
            "build_hull": lambda w: self.stability.hull_product(w.dataset, w.property),
            "assess_stability": lambda w: self.stability.product(Run.of(w)),
            "permute_inputs": lambda w: self.inference.importance_product(Run.of(w)),
        }
        forget()
        # In another Snakefile, names of rules may have a prefix.
        made = {
            product(job.wildcards): job
            for job in jobs
            for name, product in products.items()
            if job.rule.name.endswith(name)
        }
        return describe_pending(made, targets)
