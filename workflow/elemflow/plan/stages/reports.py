"""Tables, figures, claims, costs and crates: inputs, parameters and code digests of their rules."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from elemflow.config.kinds import (
    DATA_FIGURES,
    FIGURE_INPUTS,
    FIGURES,
    READS_MATERIALS,
    READS_SPLITS,
    TABLE_INPUTS,
    TABLES,
    WITHOUT_RUNS,
)
from elemflow.core.declared import Parameters
from elemflow.core.run import Run
from elemflow.plan import forecast, paths
from elemflow.plan.build import SHOWS_RECORDED, Plan, citations
from elemflow.plan.claim_kinds.registry import claim_kinds
from elemflow.plan.claims import PlannedClaims, kind_of
from elemflow.plan.items import PlannedFigure, PlannedTable
from elemflow.plan.recorded import RecordedRun, read_recorded, read_recorded_lines
from elemflow.plan.reruns import make_emptied_again
from elemflow.plan.stages.base import Context, Stage, Wildcards
from elemflow.plan.stages.splits import split_path
from elemflow.provenance.failures import Failure, failure_of_run


class Reports(Stage):
    """Metrics to tables, figures, claims, costs and crates."""

    def __init__(self, context: Context, plan: Plan, claims: Mapping[str, PlannedClaims], config: Mapping[str, Any]):
        super().__init__(context)
        self.plan, self._claims, self._config = plan, claims, config

    @cache  # noqa: B019  one object per process
    def failure(self, run: str) -> Failure | None:
        """Return where a run failed, if failed runs are to be shown rather than tried again."""
        return failure_of_run(run, Path(paths.RESULTS)) if self.settings.keep_failed else None

    def runs(self, item: PlannedTable | PlannedFigure) -> list[Run]:
        """Return the runs behind a table or figure, without those that are shown as failed."""
        return [Run.parse(run) for run in self.plan.runs_of(item) if not self.failure(run)]

    def _files(self, item: PlannedTable | PlannedFigure, names: Iterable[str]) -> list[str]:
        return [paths.RUN_FILE.format(name=name, **run.keys()) for run in self.runs(item) for name in names]

    @cached_property
    def recorded(self) -> dict[str, RecordedRun]:
        """The recorded runs that stand in for runs which were not computed here, by path.

        Where runs are computed, one that was recorded with other settings than the configuration has stands in for
        none; where nothing may be, it is shown with these settings.
        """
        always = {run.path for run in self.plan.recorded}
        every = self.settings.recorded != "ignore"
        if not always and not every:
            return {}
        recorded = read_recorded(self.context.root / paths.RECORD)
        return {
            run: found
            for run, found in recorded.items()
            if run in always or (every and not is_computed(found.run) and not self._is_to_compute(found))
        }

    def _is_to_compute(self, found: RecordedRun) -> bool:
        return self.settings.recorded == "show" and bool(self._other_settings(found.run.path))

    @cache  # noqa: B019  one object per process
    def _other_settings(self, run: str) -> str:
        """Return with which settings a recorded run was trained, other than those here; empty if they are the same."""
        found = read_recorded(self.context.root / paths.RECORD)[run]
        planned = found.run in self.plan.runs or found.run in self.plan.recorded
        return found.find_other_settings(self.settings) if planned else ""

    def table_runs(self, table: PlannedTable) -> tuple[list[Run], list[RecordedRun]]:
        """Return the runs behind a table that are computed, and those that are shown from the record."""
        runs = self.runs(table)
        recorded = self.recorded if table.kind == SHOWS_RECORDED else {}
        computed = [run for run in runs if run.path not in recorded and run not in self.plan.recorded]
        if self.settings.recorded == "only":
            computed = [run for run in computed if is_computed(run)]
        return computed, [recorded[run.path] for run in runs if run.path in recorded]

    def _table_datasets(self, table: PlannedTable) -> list[str]:
        """Return the datasets that a table needs here: without those whose runs all come from the record."""
        if table.kind in WITHOUT_RUNS:
            return list(table.datasets)
        computed, recorded = self.table_runs(table)
        used = {run.dataset for run in computed}
        spared = {each.run.dataset for each in recorded} - used
        if self.settings.recorded == "only":
            spared |= {name for name in table.datasets if name not in used}
        return [dataset for dataset in table.datasets if dataset not in spared]

    def described_datasets(self) -> list[str]:
        """Return the datasets whose materials the tables and figures need here."""
        tables = (name for table in self.plan.tables.values() for name in self._table_datasets(table))
        figures = (name for figure in self.plan.figures.values() for name in figure.datasets)
        return sorted({*tables, *figures})

    def _curation(self, item: PlannedTable | PlannedFigure) -> list[str]:
        return [paths.CURATION.format(dataset=dataset) for dataset in item.datasets]

    def table_about(self, wildcards: Wildcards) -> list[str]:
        """Return the descriptions of the datasets in a table, for readers of the results."""
        return [paths.ABOUT.format(dataset=dataset) for dataset in self._table_datasets(self._table(wildcards))]

    def figure_about(self, wildcards: Wildcards) -> list[str]:
        """Return the descriptions of the datasets in a figure, for readers of the results."""
        return [paths.ABOUT.format(dataset=dataset) for dataset in self._figure(wildcards).datasets]

    def table(self, wildcards: Wildcards) -> Parameters:
        """Return what a table shows."""
        table = self._table(wildcards)
        failed = {run: failure._asdict() for run in self.plan.runs_of(table) if (failure := self.failure(run))}
        shown = {found.run.path: self._about(found) for found in self.table_runs(table)[1]}
        more = ({"failed": failed} if failed else {}) | ({"recorded": shown} if shown else {})
        elsewhere = self._count_recorded_elsewhere(table)
        return table.parameters() | more | ({"recorded_elsewhere": elsewhere} if elsewhere else {})

    def _about(self, found: RecordedRun) -> dict[str, Any]:
        """Return what a table says of a recorded run."""
        fewer = found.count_fewer_members(self.settings)
        return (
            {
                "commit": found.commit,
                "finished": found.finished,
                "other_data": found.is_of_other_data(found.run.dataset),
                "other_settings": self._other_settings(found.run.path),
            }
            | ({"fewer_members": list(fewer)} if fewer else {})
            | ({"data": found.about.model_dump(mode="json")} if found.about else {})
        )

    def _count_recorded_elsewhere(self, table: PlannedTable) -> int:
        """Return how many cells of a table without a result the record has from runs on copies of their data."""
        if self.settings.recorded != "only" or table.kind != SHOWS_RECORDED:
            return 0
        lines = read_recorded_lines(self.context.root / paths.RECORD)
        return sum(
            cell.published_line in lines
            and lines[cell.published_line] != cell.run
            and cell.run not in self.recorded
            and not is_computed(Run.of(cell))
            for cell in table.cells
            if cell.published_line is not None and not cell.missing
        )

    def _table(self, wildcards: Wildcards) -> PlannedTable:
        return self.plan.tables[wildcards.study, wildcards.table]

    def table_metrics(self, wildcards: Wildcards) -> list[str]:
        """Return the metrics behind a table."""
        computed, recorded = self.table_runs(self._table(wildcards))
        study = wildcards.study
        texts = [each.format(study=study) for each in (paths.BIBLIOGRAPHY, paths.CITATION)]
        _make_emptied_again(paths.TABLE, paths.SUFFIXES_OF_TABLE, study=study, table=wildcards.table)
        for path in (*texts, paths.ALL_TABLES):
            make_emptied_again(path)
        return [*(paths.METRICS.format(**run.keys()) for run in computed), *(run.metrics for run in recorded)]

    def table_files(self, wildcards: Wildcards) -> list[str]:
        """Return what the kind of a table reads of its runs besides their metrics."""
        table = self._table(wildcards)
        names = TABLE_INPUTS[table.kind]
        return [paths.RUN_FILE.format(name=name, **run.keys()) for run in self.table_runs(table)[0] for name in names]

    def table_curation(self, wildcards: Wildcards) -> list[str]:
        """Return the funnels of the datasets in a table, the recorded ones of datasets that are not needed here."""
        table = self._table(wildcards)
        here = self._table_datasets(table)
        recorded = {found.run.dataset: found.curation for found in self.table_runs(table)[1]}
        return [
            *(paths.CURATION.format(dataset=dataset) for dataset in here),
            *(path for dataset, path in recorded.items() if dataset not in here),
        ]

    def table_code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that writes a table."""
        return self.context.digest("make_table.py", (TABLES[self._table(wildcards).kind],))

    def tables_code(self, script: str) -> Callable[[Wildcards], str]:
        """Return the parameter function of the digest of a script that reads tables and evaluates claims."""
        kinds = (type(kind).__module__ for kind in claim_kinds().values())
        return self.context.code(script, *TABLES.values(), *kinds)

    def figure(self, wildcards: Wildcards) -> Parameters:
        """Return what a figure shows."""
        return self._figure(wildcards).parameters()

    def _figure(self, wildcards: Wildcards) -> PlannedFigure:
        return self.plan.figures[wildcards.study, wildcards.figure]

    def figure_runs(self, wildcards: Wildcards) -> list[str]:
        """Return the files behind a figure: the metrics of its runs, and what its kind draws."""
        figure = self._figure(wildcards)
        _make_emptied_again(paths.FIGURE, paths.SUFFIXES_OF_FIGURE, study=wildcards.study, figure=wildcards.figure)
        make_emptied_again(paths.ALL_FIGURES)
        return self._files(figure, ("metrics.json", *FIGURE_INPUTS.get(figure.kind, ())))

    def figure_materials(self, wildcards: Wildcards) -> list[str]:
        """Return the materials of the datasets in a figure, if its kind reads them."""
        figure = self._figure(wildcards)
        datasets = figure.datasets if figure.kind in READS_MATERIALS else []
        return [paths.MATERIALS.format(dataset=dataset) for dataset in datasets]

    def figure_splits(self, wildcards: Wildcards) -> list[str]:
        """Return the splits of the runs in a figure, if its kind reads them."""
        figure = self._figure(wildcards)
        runs = self.runs(figure) if figure.kind in READS_SPLITS else []
        return [split_path(*keys) for keys in sorted({(run.dataset, run.property, run.protocol) for run in runs})]

    def figure_curation(self, wildcards: Wildcards) -> list[str]:
        """Return the funnels of the datasets in a figure."""
        return self._curation(self._figure(wildcards))

    def figure_code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that draws a figure."""
        return self.context.digest("plot_figure.py", ((FIGURES | DATA_FIGURES)[self._figure(wildcards).kind],))

    def study_title(self, wildcards: Wildcards) -> str:
        """Return the title of a study, the category of its items in the report.

        The link that Snakemake makes of a category ends at its first colon, and two of one name spoil the first page.
        """
        return self.settings.studies[wildcards.study].title.replace(":", " –")

    def tables(self, suffix: str = "") -> list[str]:
        """Return one file of every table."""
        return [paths.TABLE.format(study=study, table=table) + suffix for study, table in self.plan.tables]

    def figures(self, suffix: str = "") -> list[str]:
        """Return one file of every figure."""
        return [paths.FIGURE.format(study=study, figure=figure) + suffix for study, figure in self.plan.figures]

    def claims(self, wildcards: Wildcards) -> Parameters:
        """Return what the page of claims of a study shows."""
        return self._claims[wildcards.study].parameters()

    def claims_of_all(self, wildcards: Wildcards) -> Parameters:  # noqa: ARG002  see `Workflow.code`
        """Return what the page of the claims of all studies shows."""
        return {"studies": [planned.parameters() for planned in self._claims.values()]}

    def claim_csv(self, wildcards: Wildcards) -> list[str]:
        """Return the csv of the tables that the claims of a study are about."""
        for path in (paths.CLAIMS.format(study=wildcards.study), paths.ALL_CLAIMS):
            make_emptied_again(path)
        return self._claim_tables(wildcards.study, ".csv")

    def claim_html(self, wildcards: Wildcards) -> list[str]:
        """Return the pages of the tables that the claims of a study are about."""
        return self._claim_tables(wildcards.study, ".html")

    def claim_predictions(self, wildcards: Wildcards) -> list[str]:
        """Return predictions and `run_info.json` of the runs that the claims of a study compare in paired tests."""
        return self._predictions([wildcards.study])

    def all_claim_predictions(self, wildcards: Wildcards) -> list[str]:  # noqa: ARG002  Snakemake passes them
        """Return the same of all studies."""
        return self._predictions(self._claims)

    def _predictions(self, studies: Iterable[str]) -> list[str]:
        """Return predictions and `run_info.json` behind the tables of errors that claims of some studies compare."""
        found: dict[str, None] = {}
        for study in studies:
            tables = self._claims[study].tables
            compared = {
                table
                for claim in self._claims[study].claims.values()
                if not claim.missing and kind_of(claim).inequalities(claim, 2)
                for table in claim.tables
                if tables[table].metric == "mae"
            }
            for table in sorted(compared):
                computed, recorded = self.table_runs(tables[table])
                for name in ("predictions.parquet", "run_info.json"):
                    found |= dict.fromkeys(paths.RUN_FILE.format(name=name, **run.keys()) for run in computed)
                    found |= dict.fromkeys((run.folder / name).as_posix() for run in recorded)
        return list(found)

    def _claim_tables(self, study: str, suffix: str) -> list[str]:
        tables = self._claims[study].tables
        return [paths.TABLE.format(study=study, table=table) + suffix for table in tables]

    def all_claim_tables(self) -> list[str]:
        """Return the csv of every table that a claim is about."""
        return [path for study in self._claims for path in self._claim_tables(study, ".csv")]

    def all_claims(self) -> list[str]:
        """Return the claims of every study that has any, and those of all together."""
        found = self._claims
        return [*(paths.CLAIMS.format(study=study) for study in found), paths.ALL_CLAIMS] if found else []

    def bibliography(self, wildcards: Wildcards) -> Parameters:
        """Return the citation keys behind a study, and its title."""
        study = wildcards.study
        return {"keys": citations(self.settings, self.plan, study), "title": self.settings.studies[study].title}

    def bibliographies(self) -> list[str]:
        """Return the BibTeX file of every study that has tables."""
        studies = sorted({study for study, _ in self.plan.tables})
        return [paths.BIBLIOGRAPHY.format(study=study) for study in studies]

    def plan_rows(self, wildcards: Wildcards) -> Parameters:  # noqa: ARG002  see `Workflow.code`
        """Return the plan as a table for people."""
        return {"rows": list(self.plan.rows())}

    def published_of_runs(self) -> dict[str, Any]:
        """Return the unit of every run in a table of mean absolute errors, and the values that papers print of it."""
        found: dict[str, Any] = {}
        shown = (table for table in self.plan.tables.values() if table.kind == "errors" and table.metric == "mae")
        runs = {run.path for run in self.plan.runs}  # a cell with a published value alone names none of them
        for cell in (cell for table in shown for cell in table.cells if cell.run in runs):
            known = found.setdefault(cell.run, {"unit": cell.unit, "values": []})
            text = f"{cell.published_text} ({cell.published_source})"
            if cell.published is not None and cell.reproduces and text not in known["values"]:
                known["values"].append(text)
        return found

    def runs_by_study(self, wildcards: Wildcards | None = None) -> Parameters:  # noqa: ARG002  see `Workflow.code`
        """Return the paths of the runs of every study."""
        studies: dict[str, list[str]] = {}
        for run, users in self.plan.runs.items():
            for study in sorted({user.split("/")[0] for user in users}):
                studies.setdefault(study, []).append(run.path)
        return {"studies": studies}

    def forecast(self, wildcards: Wildcards) -> Parameters:  # noqa: ARG002  see `Workflow.code`
        """Return what the forecast of costs reads of every run, with the true sizes of curated datasets."""
        runs = forecast.describe(self.settings, self.plan, Path(paths.RESULTS))
        return {"runs": [run.model_dump(mode="json") for run in runs]}

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
            *(path.format(study=study) for path in (paths.BIBLIOGRAPHY, paths.CITATION) if tables),
        ]

    def crate_manifests(self, wildcards: Wildcards) -> list[str]:
        """Return the manifests of the raw files behind a study."""
        datasets = dict.fromkeys(dataset for item in self.plan.of_study(wildcards.study) for dataset in item.datasets)
        return [paths.MANIFEST.format(dataset=dataset) for dataset in datasets]

    def crate_cfg(self, wildcards: Wildcards) -> Parameters:
        """Return what a crate says of a study besides its files."""
        study = self.settings.studies[wildcards.study]
        datasets = {
            name: about for item in self.plan.of_study(wildcards.study) for name, about in item.datasets.items()
        }
        shown = {
            name: {"title": about.title, "license": about.license, "citation": list(about.citation)}
            for name, about in datasets.items()
        }
        # Where files lie is a matter of this machine.
        as_run = {key: value for key, value in self._config.items() if key not in ("data_folder", "mirror")}
        about = {"study": wildcards.study, "title": study.title, "reference": study.reference}
        return about | {"datasets": shown, "configuration": as_run}


def is_computed(run: Run) -> bool:
    """Return whether the metrics of a run exist here."""
    return Path(paths.METRICS.format(**run.keys())).is_file()


def _make_emptied_again(pattern: str, suffixes: Iterable[str], **names: str) -> None:
    """Have the files of a table or figure made again if one of them is empty."""
    for suffix in suffixes:
        make_emptied_again(pattern.format(**names) + suffix)
