"""What the page of a run says of where it came from, read from its `run_info.json`."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from elemflow.core.errors import DataError
from elemflow.core.files import read_json
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.site import SiteRun

CHANGED = "+changes"
"""End of a commit whose files were changed; see `elemflow.provenance.run_info.git_commit`."""


class _Record(BaseModel):
    """An immutable part of the file; what this page does not show is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TrialRecord(_Record):
    """A trial of a search: its number from 1, model, settings, and mean absolute error on validation rows or folds."""

    trial: int
    model: str = ""
    parameters: dict[str, Any] = {}
    validation_mae: float | None = None


class MemberRecord(_Record):
    """What a member was trained with; None where a model has no such thing."""

    seed: int | None = None
    rows: dict[str, int] = {}
    epochs: int | None = None
    best_epoch: int | None = None
    seconds_fitting: float | None = None
    parameters: dict[str, int] = {}
    trials: list[TrialRecord] = []
    best_trial: int | None = None

    @property
    def winner(self) -> TrialRecord | None:
        """Return the trial that the search chose; None without a search."""
        return next((trial for trial in self.trials if trial.trial == self.best_trial), None)


class RunRecord(_Record):
    """Content of `run_info.json`, as far as it is shown; files of older versions lack some keys."""

    cfg: dict[str, Any] = {}
    members: dict[str, MemberRecord] = {}
    engine: dict[str, str] = {}
    host: dict[str, str | int | None] = {}
    versions: dict[str, str] = {}
    inputs_sha256: dict[str, str] = {}
    code: str = ""
    commit: str | None = None
    finished: str = ""
    pretrained: str | None = None
    n_features: int | None = None
    seconds_fitting: float | None = None
    peak_memory_mb: float | None = None

    @classmethod
    def read(cls, path: Path) -> "RunRecord":
        """Read the file.

        Raises:
            DataError: A key is not of its type.
        """
        try:
            return cls.model_validate(read_json(path))
        except ValidationError as error:
            raise DataError(f"{path}: not a file of this workflow ({error}); delete it and run again.") from error

    @property
    def unit(self) -> str:
        """Return the unit of the property; empty if the file does not say."""
        return str(self.cfg.get("property", {}).get("unit", ""))

    @property
    def stops_on_test(self) -> bool:
        """Return whether the errors of its history are those of the test set."""
        stopping = self.cfg.get("protocol", {}).get("training", {}).get("early_stopping") or {}
        return stopping.get("monitor") == "test"

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield label and text of what is known of the computation."""
        parameters = next((member.parameters["total"] for member in self.members.values() if member.parameters), None)
        host = [self.host.get("processor"), self.host.get("platform")]
        threads = self.host.get("threads")
        yield from (
            (label, text)
            for label, text in (
                ("Commit", self.commit or ""),
                ("Digest of the training code", self.code),
                ("Finished", self.finished.replace("T", " ").replace("+00:00", " UTC")),
                ("Engine", " on ".join(filter(None, [self.engine.get("name"), self.engine.get("device", "").upper()]))),
                ("Machine", ", ".join(str(part) for part in host if part)),
                ("Threads", "" if threads is None else str(threads)),
                ("Features", "" if self.n_features is None else f"{self.n_features:,}"),
                ("Parameters", "" if parameters is None else f"{parameters:,}"),
                ("Time of fitting", "" if self.seconds_fitting is None else _duration(self.seconds_fitting)),
                ("Peak memory", "" if self.peak_memory_mb is None else f"{self.peak_memory_mb:,.0f} MB"),
            )
            if text
        )

    def commands(self, run: SiteRun) -> list[str]:
        """Return the commands that repeat the run, at its commit where the code was not changed."""
        target = shlex.quote(paths.METRICS.format(**Run.parse(run.run).keys()))
        studies = f" --config {shlex.quote(f'studies=[{run.studies[0]}]')}" if run.studies else ""
        checkout = [f"git checkout {self.commit}"] if self.commit and not self.commit.endswith(CHANGED) else []
        return [*checkout, f"snakemake --cores 2 {target}{studies}"]


def _duration(seconds: float) -> str:
    """Return a time with the digits that a reader can use."""
    for size, name in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.3g} s"
