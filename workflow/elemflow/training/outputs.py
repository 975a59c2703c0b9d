"""Outputs of a run, out of the files of its members."""

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from elemflow.core.files import read_json, write_json, write_parquet
from elemflow.core.parquet import read_table
from elemflow.provenance import run_info as provenance
from elemflow.training.checkpoint import CheckpointIdentity
from elemflow.training.data import RunData
from elemflow.training.member_files import HISTORY, PREDICTIONS, member_folder
from elemflow.training.run_config import RunConfig
from elemflow.training.run_files import RunOutputs
from elemflow.training.storage import write_run_config


@dataclass(frozen=True)
class RunInfo:
    """Content of `run_info.json`: what a run was computed from, with and on.

    Attributes:
        cfg: Configuration of the run, for the size of its training sets.
        not_run: Why the run has no result, if its model is not applicable to the data.
        n_features: Number of features.
        members: What is known of each member, by number.
        inputs_sha256: SHA-256 of the input files, by path.
        pretrained: Path of the pre-training run below `results/runs/`, if there is one.
        code: Digest of the code that trains.
        commit: Commit of the code.
        versions: Versions of the libraries.
        host: Name, platform and processor of the machine.
        engine: Name of the engine and its device.
        trained_by: Job that trained.
        started: Time of the first start, ISO 8601.
        finished: Time of the end, ISO 8601.
        starts: Number of starts.
        seconds_fitting: Seconds of fitting of all members.
        seconds_per_epoch: Median over the members; None for models without epochs.
        rows_per_second: Median over the members; None for models without epochs.
        seconds_last_start: Seconds since the last start.
        peak_memory_mb: Largest resident memory of the training process, in MB (10^6 bytes).
        energy_joules_last_start: Energy of the processors in the last start, in joules, where the machine counts it.
    """

    cfg: dict[str, Any]
    not_run: str | None
    n_features: int
    members: dict[str, dict[str, Any]]
    inputs_sha256: dict[str, str]
    pretrained: str | None
    code: str
    engine: dict[str, str]
    trained_by: str
    started: str
    starts: int
    seconds_fitting: float
    seconds_per_epoch: float | None
    rows_per_second: float | None
    seconds_last_start: float
    peak_memory_mb: float
    energy_joules_last_start: float | None
    host: dict[str, Any]
    commit: str | None = field(default_factory=provenance.git_commit)
    versions: dict[str, str] = field(default_factory=provenance.library_versions)
    finished: str = field(default_factory=provenance.now)


@dataclass(frozen=True)
class TrainedRun:
    """A run whose members are finished.

    Attributes:
        run: Its configuration, for the size of its training sets.
        data: Its rows.
        inputs_sha256: SHA-256 of its input files, by path.
        identity: Identity of its checkpoint folder.
        not_run: Why the run has no result, if its model is not applicable to the data.
        pretrained: Path of the pre-training run below `results/runs/`, if there is one.
    """

    run: RunConfig
    data: RunData
    inputs_sha256: dict[str, str]
    identity: CheckpointIdentity
    not_run: str | None
    pretrained: str | None


def write_outputs(trained: TrainedRun, outputs: RunOutputs, threads: int, code: str, started: float) -> None:
    """Write the outputs of a run whose members are finished.

    Args:
        trained: The run.
        outputs: Files to write.
        threads: Number of threads of the job.
        code: Digest of the code that trained.
        started: When the last start began, by `time.monotonic`.
    """
    data, identity, not_run = trained.data, trained.identity, trained.not_run
    members = [] if not_run else data.members  # a mean over some members would not be comparable
    done = [member_folder(outputs.checkpoint_folder, member) for member in members]
    facts = {str(member): read_json(folder / "done.json") for member, folder in zip(members, done, strict=True)}
    notes = {"not_run": not_run} if not_run else _notes(facts)
    predictions = _concatenate([folder / "predictions.parquet" for folder in done], PREDICTIONS)
    write_parquet(outputs.predictions, predictions, notes)
    write_parquet(outputs.history, _concatenate([folder / "history.parquet" for folder in done], HISTORY))
    _write_model_folder(outputs.model_folder, [folder / "model" for folder in done], trained.run)
    info = RunInfo(
        cfg=trained.run.plain(),
        not_run=not_run,
        n_features=data.n_features,
        members=facts,
        inputs_sha256=trained.inputs_sha256,
        pretrained=trained.pretrained,
        code=code,
        host=provenance.host_facts(threads),
        engine=identity.engine.plain() if identity.engine else {},
        trained_by=identity.trained_by,
        started=identity.started,
        starts=identity.starts,
        seconds_fitting=round(sum(entry["seconds_fitting"] for entry in facts.values()), 3),
        seconds_per_epoch=_median(facts, "seconds_per_epoch"),
        rows_per_second=_median(facts, "rows_per_second"),
        seconds_last_start=round(time.monotonic() - started, 3),
        peak_memory_mb=identity.peak_memory_mb or provenance.peak_memory_mb(),
        energy_joules_last_start=identity.energy_joules,
    )
    write_json(outputs.run_info, asdict(info))


def _median(facts: Mapping[str, Mapping[str, Any]], name: str) -> float | None:
    known = [entry[name] for entry in facts.values() if name in entry]
    return round(float(np.median(known)), 6) if known else None


def _concatenate(paths: Sequence[Path], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([read_table(path) for path in paths]) if paths else schema.empty_table()


def _notes(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return what each member chose and skipped, for the tables, if its model is the best of several."""
    notes = {
        key: {member: entry[key] for member, entry in facts.items() if entry.get(key)} for key in ("chosen", "left_out")
    }
    return {key: found for key, found in notes.items() if found} or None


def _write_model_folder(folder: Path, members: Sequence[Path], run: RunConfig) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        for member in members:
            shutil.copytree(member, temporary, dirs_exist_ok=True)
        write_run_config(temporary, run)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
