"""The site of a build: inputs and parameters of its rule."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from elemflow.core.declared import Parameters
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.build import Plan
from elemflow.plan.claims import PlannedClaims
from elemflow.plan.labels import title_of
from elemflow.plan.recorded import COVERAGE, read_covered
from elemflow.plan.reruns import make_emptied_again
from elemflow.plan.site import SiteRun
from elemflow.plan.stages.base import Context, Stage, Wildcards
from elemflow.plan.stages.reports import Reports, is_computed

RUN_FILES = ("metrics.json", "run_info.json", "predictions.parquet")
"""What the page of a run reads, and the record has."""


class Site(Stage):
    """Tables, figures, claims, costs, runs and the coverage by the record to the pages of a site.

    Where the record is all that may be shown, nothing is computed for the site: it leaves out tables of datasets that
    are not curated, figures of runs that are not computed, and the costs.
    """

    def __init__(self, context: Context, plan: Plan, claims: Mapping[str, PlannedClaims], reports: Reports):
        super().__init__(context)
        self.plan, self._claims, self.reports = plan, claims, reports
        self.only_recorded = self.settings.recorded == "only"

    @cached_property
    def _runs(self) -> list[SiteRun]:
        """Every run that is computed or recorded, in the order of the plan."""
        found = []
        for run, users in sorted((self.plan.runs | self.plan.recorded).items()):
            studies = tuple(dict.fromkeys(user.split("/")[0] for user in users))
            title = title_of(self.settings, run)
            if run.path in self.reports.recorded:
                folder = self.reports.recorded[run.path].folder.as_posix()
                found.append(SiteRun(run=run.path, title=title, folder=folder, studies=studies, recorded=True))
            elif self._has_run(run):
                folder = f"{paths.RUNS}/{run.path}"
                found.append(SiteRun(run=run.path, title=title, folder=folder, studies=studies))
        return found

    def _has_run(self, run: Run) -> bool:
        """Return whether a run has a page of what is computed here."""
        if run in self.plan.recorded or self.reports.failure(run.path):
            return False
        return not self.only_recorded or is_computed(run)

    def parameters(self, wildcards: Wildcards | None = None) -> Parameters:  # noqa: ARG002  see `Workflow.code`
        """Return what the site shows, with the paths of its files; see `elemflow.plan.site.SiteInputs`."""
        shown = dict.fromkeys(study for study, _ in (*self.plan.tables, *self.plan.figures))
        studies = {name: self.settings.studies[name] for name in shown}
        return {
            "studies": [
                {"study": name, "title": study.title, "reference": study.reference} for name, study in studies.items()
            ],
            "tables": [self._table(*key) for key in self.plan.tables if self._has_table(*key)],
            "figures": [self._figure(*key) for key in self.plan.figures if self._has_figure(*key)],
            "claims": [
                {"planned": planned.parameters(), "csv": {table: _csv_of(study, table) for table in planned.tables}}
                for study, planned in self._claims.items()
            ],
            "runs": [run.plain() for run in self._runs],
            "costs": "" if self.only_recorded else paths.COSTS,
            "coverage": self._coverage(shown),
        }

    def _coverage(self, studies: Iterable[str]) -> str:
        """Return the file that says how much of the papers' tables the record has; empty if no study is of a paper."""
        record = self.context.root / paths.RECORD
        return (record / COVERAGE).as_posix() if read_covered(record).intersection(studies) else ""

    def _table(self, study: str, table: str) -> Parameters:
        names = _names(study, table)
        curation = {paths.dataset_of(path): path for path in self.reports.table_curation(names)}
        return {"planned": self.reports.table(names), "csv": _csv_of(study, table), "curation": curation}

    def _has_table(self, study: str, table: str) -> bool:
        curation = self.reports.table_curation(_names(study, table))
        return not self.only_recorded or all(Path(path).is_file() for path in curation)

    def _figure(self, study: str, figure: str) -> Parameters:
        path = paths.FIGURE.format(study=study, figure=figure)
        planned = self.plan.figures[study, figure].parameters()
        return {"planned": planned, "svg": f"{path}.svg", "csv": f"{path}.csv", "text": path}

    def _has_figure(self, study: str, figure: str) -> bool:
        runs = self.plan.runs_of(self.plan.figures[study, figure])
        return not self.only_recorded or (bool(runs) and all(is_computed(Run.parse(run)) for run in runs))

    def files(self, wildcards: Wildcards) -> list[str]:
        """Return the files that the site shows or copies, but for those of runs."""
        site = self.parameters(wildcards)
        for path in (paths.SITE, paths.SITE_PAGES):
            make_emptied_again(path)
        tables = [path for table in site["tables"] for path in (table["csv"], *table["curation"].values())]
        claims = [path for study in site["claims"] for path in study["csv"].values()]
        figures = [figure[kind] for figure in site["figures"] for kind in ("svg", "csv", "text")]
        # A build that adds runs to the record writes its coverage again, and the page then shows them.
        updated = [paths.RECORD_UPDATE] if site["coverage"] and self.settings.record == "update" else []
        others = [*filter(None, [site["costs"], site["coverage"]]), *updated]
        return [*dict.fromkeys((*tables, *claims)), *figures, *others]

    def run_files(self, wildcards: Wildcards) -> list[str]:  # noqa: ARG002  see `Workflow.code`
        """Return the files of the runs that have a page."""
        names = {True: RUN_FILES, False: (*RUN_FILES, "history.parquet")}
        return [f"{run.folder}/{name}" for run in self._runs for name in names[run.recorded]]


def _csv_of(study: str, table: str) -> str:
    return f"{paths.TABLE.format(study=study, table=table)}.csv"


def _names(study: str, table: str) -> Wildcards:
    names = Wildcards()
    names.study, names.table = study, table
    return names
