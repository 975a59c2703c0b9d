"""The record: finished runs of a build that enter it."""

from elemflow.core.declared import Parameters
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.build import Plan
from elemflow.plan.stages.base import Context, Stage, Wildcards
from elemflow.plan.stages.reports import Reports, is_computed


class Record(Stage):
    """Finished runs to evidence in `resources/record/`."""

    def __init__(self, context: Context, plan: Plan, reports: Reports):
        super().__init__(context)
        self._plan, self._reports = plan, reports

    def requested(self) -> list[str]:
        """Return the target that updates the record, if the configuration requests it."""
        return [paths.RECORD_UPDATE] if self.settings.record == "update" else []

    def _runs(self) -> list[Run]:
        """Return the runs of the plan that are computed here: not those that are shown as failed or from the record."""
        skipped = self._reports.recorded
        runs = [run for run in self._plan.runs if run.path not in skipped and not self._reports.failure(run.path)]
        return [run for run in runs if is_computed(run)] if self.settings.recorded == "only" else runs

    def files(self, wildcards: Wildcards) -> list[str]:  # noqa: ARG002  see `Workflow.code`
        """Return the evidence of the runs that may enter the record."""
        runs = self._runs()
        of_runs = (paths.METRICS, paths.RUN_INFO, paths.PREDICTIONS)
        found = [pattern.format(**run.keys()) for run in runs for pattern in of_runs]
        return [*found, *(paths.CURATION.format(dataset=dataset) for dataset in sorted({run.dataset for run in runs}))]

    def cfg(self, wildcards: Wildcards) -> Parameters:  # noqa: ARG002  see `Workflow.code`
        """Return the runs that may enter the record."""
        return {"runs": [run.path for run in self._runs()]}
