"""One training job: all members of a run, one after the other, surviving a kill at any moment.

Finished members and the state of the unfinished one stay in the checkpoint folder; the outputs are written at the end.
The folder belongs to one process at a time; see `elemflow.training.packing` for those that train the runs of others.
"""

import importlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from elemflow.config.kinds import FITTERS
from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError, TrainingError
from elemflow.core.files import digest_of, read_json, sha256_file, write_json, write_parquet
from elemflow.core.locks import locked
from elemflow.core.roles import EVALUATION_ROLES, ROLES, Role
from elemflow.provenance import run_info as provenance
from elemflow.provenance.energy import EnergyMeter
from elemflow.training import interruption
from elemflow.training.backend import Backend
from elemflow.training.checkpoint import CheckpointIdentity, lock_of, open_checkpoint, remove
from elemflow.training.data import MemberData, RoleData, RunData
from elemflow.training.fine_tuning import PretrainedMember, PretrainingFiles, PretrainingRun
from elemflow.training.fitter import Fitted, Fitter, ModelNotApplicable, Task
from elemflow.training.run_config import RunConfig
from elemflow.training.scaling import (
    Scaling,
    Target,
    fit_scaling,
    fit_target,
    save_scaling,
    save_target,
    warn_of_large_inputs,
)
from elemflow.training.state import HistoryRow
from elemflow.training.storage import StoredMember, write_run_config

# Training rows would be most of predictions.parquet and are never reported.
PREDICTIONS = pa.schema(
    [
        ("material_id", pa.string()),
        ("member", pa.int32()),
        ("role", pa.string()),
        ("y_true", pa.float64()),
        ("y_pred", pa.float64()),
    ]
)
HISTORY = pa.schema(
    [
        ("member", pa.int32()),
        ("epoch", pa.int32()),
        ("step", pa.int64()),
        ("train_loss", pa.float64()),
        ("validation_mae", pa.float64()),
        ("learning_rate", pa.float64()),
        ("seconds", pa.float64()),
    ]
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunInputs:
    """Files that a run reads.

    Attributes:
        features: Feature files, one per part of the representation, in its order.
        materials: `materials.parquet` of the dataset.
        split: Split file of the protocol.
        pretrained: Files of the pre-training run, if the protocol has the key `pretraining`.
    """

    features: Sequence[Path]
    materials: Path
    split: Path
    pretrained: PretrainingFiles | None = None

    @property
    def files(self) -> list[Path]:
        """All files."""
        return [*self.features, self.materials, self.split, *(self.pretrained or ())]

    @classmethod
    def from_names(
        cls,
        features: Sequence[str | Path],
        materials: str | Path,
        split: str | Path,
        pretrained: Sequence[str | Path] = (),
    ) -> "RunInputs":
        """Return the inputs of a job.

        Args:
            features: See the class.
            materials: See the class.
            split: See the class.
            pretrained: Files of the pre-training run in the order of `PretrainingFiles`; empty if there is none.
        """
        before = PretrainingFiles(*map(Path, pretrained)) if pretrained else None
        return cls([Path(path) for path in features], Path(materials), Path(split), before)


@dataclass(frozen=True)
class RunOutputs:
    """Files that a run writes.

    Attributes:
        predictions: Predictions for validation and test rows, sorted by member, role, material; in the metadata what
            each member chose, or why the run has no result.
        history: One row per member and validation, which is one per epoch unless the protocol says otherwise.
        run_info: Versions, machine, times, rows, inputs; see `RunInfo`.
        model_folder: One model per member, with its scaling and target, and `model.json`; see
            `elemflow.training.storage`.
        checkpoint_folder: Working state, removed after success.
    """

    predictions: Path
    history: Path
    run_info: Path
    model_folder: Path
    checkpoint_folder: Path


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


def train_run(
    run: RunConfig,
    inputs: RunInputs,
    outputs: RunOutputs,
    backend: Backend,
    *,
    code: str = "",
    then: Callable[[], None] | None = None,
) -> None:
    """Train, predict and save every member of a run.

    Networks are fitted on the training set with early stopping on the monitored set; estimators are fitted on the
    training set; searches select hyperparameters by the validation set. The test set is only predicted, unless the
    protocol says `monitor: test` as some papers did. A member whose training diverges does not keep the others from
    being finished.

    Args:
        run: Configuration of the run.
        inputs: Files that it reads.
        outputs: Files that it writes.
        backend: The Keras backend of the process, which no estimator starts.
        code: Digest of the code that trains; a checkpoint of other code is not continued.
        then: Called when the outputs are complete, while the working state still exists: if the process dies there, the
            next start writes the outputs again without training.

    Raises:
        DataError: A role that is needed has no rows, or the pre-training run does not fit.
        TrainingError: The training of a member diverged.
        Stopped: A signal or a deadline ended the training of a network; the next start continues.
    """
    started = time.monotonic()
    folder = outputs.checkpoint_folder
    with locked(lock_of(folder), f"the job of this run, process {os.getpid()}", _Wait(folder)):
        try:
            trained = train_members(run, inputs, folder, backend, code=code, trained_by="its own job")
        except interruption.Stopped as stopped:
            log.warning("%s; start the workflow again to continue", stopped.message)
            raise
        finally:
            interruption.forget()
        _write_outputs(trained, outputs, backend.threads, code, started)
        if then:
            then()
        remove(folder)


class _Wait:
    """Waits for another process that trains the run: logs that once, and stops at the end of the job's time."""

    def __init__(self, checkpoint_folder: Path):
        self._folder = checkpoint_folder
        self._logged = False

    def __call__(self, owner: str) -> None:
        if not self._logged:
            log.info("%s: locked by %s, which trains it; waits", self._folder, owner)
            self._logged = True
        if reason := interruption.requested():
            message = f"stopped by {reason} while {owner} trained this run"
            log.warning("%s; start the workflow again to continue", message)
            raise interruption.Stopped(message, reason)


def train_members(
    run: RunConfig,
    inputs: RunInputs,
    checkpoint_folder: Path,
    backend: Backend,
    *,
    code: str,
    trained_by: str,
) -> TrainedRun:
    """Finish every member of a run within its checkpoint folder, whose lock the caller has.

    What computes is not even imported if all members were finished before.

    Args:
        run: Configuration of the run.
        inputs: Files that it reads.
        checkpoint_folder: Where the members are kept; moved if it is that of another training.
        backend: The Keras backend of the process.
        code: Digest of the code that trains.
        trained_by: Job that trains, for `run_info.json`.

    Raises:
        DataError: A role that is needed has no rows, or the pre-training run does not fit.
        TrainingError: The training of a member diverged; the others are finished.
        Stopped: A signal or a deadline; what is done is kept.
    """
    ids = run.run
    data = RunData(inputs.features, inputs.materials, inputs.split, dataset=ids.dataset, property_id=ids.property)
    sized = run.for_size(data.train_rows)
    before = PretrainingRun(inputs.pretrained, sized) if inputs.pretrained else None
    if before:
        before.check_leakage(inputs.split, inputs.materials)
    files = [*inputs.features, inputs.materials, inputs.split, *(before.files if before else ())]
    digests = {str(path): sha256_file(path) for path in files}
    fitter = make_fitter(sized, backend)
    identity = open_checkpoint(
        checkpoint_folder, partial(_digest, run, list(digests.values()), code), lambda: fitter.engine
    )
    pretrained = before.path if before else None
    if identity.finished and all((_member_folder(checkpoint_folder, m) / "done.json").exists() for m in data.members):
        log.info("all members: finished before by %s, kept", identity.trained_by)
        return TrainedRun(sized, data, digests, identity, None, pretrained)
    identity = replace(identity, engine=fitter.start(), trained_by=trained_by)
    identity.write(checkpoint_folder)
    with EnergyMeter() as meter:
        not_run = _train_members(sized, fitter, data, checkpoint_folder, before)
    if not not_run:
        identity = replace(
            identity,
            finished=provenance.now(),
            peak_memory_mb=provenance.peak_memory_mb(),
            energy_joules=meter.joules,
        )
        identity.write(checkpoint_folder)
    return TrainedRun(sized, data, digests, identity, not_run, pretrained)


def make_fitter(run: RunConfig, backend: Backend) -> Fitter:
    """Return the fitter of the run's kind of model; its module is imported only here, so that others stay unloaded."""
    fitter: type[Fitter] = importlib.import_module(FITTERS[run.model.kind]).FITTER
    return fitter(run, backend)


def _member_folder(checkpoint_folder: Path, member: int) -> Path:
    return checkpoint_folder / f"member-{member}"


def _write_outputs(trained: TrainedRun, outputs: RunOutputs, threads: int, code: str, started: float) -> None:
    data, identity, not_run = trained.data, trained.identity, trained.not_run
    members = [] if not_run else data.members  # a mean over some members would not be comparable
    done = [_member_folder(outputs.checkpoint_folder, member) for member in members]
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


def _train_members(
    run: RunConfig, fitter: Fitter, data: RunData, checkpoint_folder: Path, before: PretrainingRun | None
) -> str | None:
    """Finish every member that is not yet; one that diverges is named when the others are done.

    Returns:
        Why the run has no result, if its model is not applicable to the data.
    """
    failures = []
    for (member_data, folder, label), fitted in fitter.fit_all(_tasks(run, fitter, data, checkpoint_folder, before)):
        if isinstance(fitted, ModelNotApplicable):
            log.warning("%s: model skipped, %s", label, fitted)
            return str(fitted)
        if isinstance(fitted, TrainingError):
            log.error("%s", fitted)
            failures.append(str(fitted))
            continue
        _finish_member(folder, member_data, fitted, run.seed_of(member_data.member))
    if failures:
        kept = f"{len(failures)} of {len(data.members)} members failed; the others are kept in {checkpoint_folder}:"
        raise TrainingError("\n".join([kept, *failures]))
    return None


def _tasks(
    run: RunConfig, fitter: Fitter, data: RunData, checkpoint_folder: Path, before: PretrainingRun | None
) -> Iterator[Task]:
    """Yield the members that are not finished, with scaled features and targets."""
    members = data.members
    needed = {Role.TRAIN, Role.TEST, *fitter.model_selection_roles()}
    for position, member in enumerate(members, start=1):
        folder = _member_folder(checkpoint_folder, member)
        label = f"member {position}/{len(members)}"
        if (folder / "done.json").exists():
            log.info("%s: finished before, kept", label)
            continue
        if reason := interruption.requested():
            raise interruption.Stopped(f"stopped by {reason} before {label}", reason)
        member_data = data.member(member, needed)
        log.info("%s: %s", label, ", ".join(f"{len(member_data.of(role))} {role}" for role in ROLES))
        folder.mkdir(parents=True, exist_ok=True)
        stored = StoredMember(folder / "model", member)
        pretrained = before.member(member) if before else None
        if pretrained:
            member_data = replace(member_data, pretrained=pretrained.network)
        if scaling := _scaling(run, data, member_data, pretrained):
            member_data = member_data.scaled(scaling)
            save_scaling(stored.scaling_path, scaling)
        if position == 1 and isinstance(run.model, NetworkModel):
            warn_of_large_inputs(member_data.train.x, data.parts)
        target = _target(run, member_data, label, pretrained)
        if target != Target():
            member_data = member_data.targeted(target)
            log.info("%s: %s; losses and errors below are in its scale", label, target)
            save_target(stored.target_path, target)
        yield Task(member_data, folder, label)


def _scaling(
    run: RunConfig, data: RunData, member_data: MemberData, pretrained: PretrainedMember | None
) -> Scaling | None:
    """Return the scaling of a member, that of its pre-training or one fitted to its training set; None without one.

    The plan has named the scaling of each part of the representation that is scaled.
    """
    if pretrained:
        return pretrained.scaling
    kinds = {} if run.protocol.scaling == "none" else run.protocol.scaling
    return fit_scaling(member_data.train.x, data.parts, kinds) if kinds else None


def _target(run: RunConfig, data: MemberData, label: str, pretrained: PretrainedMember | None) -> Target:
    """Return the target of a member, that of its pre-training or a fitted one.

    Raises:
        DataError: A value of the property lies below the bound of the predictions.
    """
    minimum = run.clip_minimum
    for rows in (data.of(role) for role in ROLES):
        if minimum is not None and (rows.y < minimum).any():
            row = int(np.argmin(rows.y))
            raise DataError(
                f"{label}: material '{rows.material_id[row]}' has the value {rows.y[row]:g}, and predictions are "
                f"clipped at {minimum:g}, the property's `minimum`. Filter such rows in the dataset, correct the "
                "bound, or set `clip_predictions: false` in the protocol."
            )
    if pretrained:
        return replace(pretrained.target, minimum=minimum)
    return fit_target(data.train.y, run.protocol.target_scaling, minimum)


def _median(facts: Mapping[str, Mapping[str, Any]], name: str) -> float | None:
    known = [entry[name] for entry in facts.values() if name in entry]
    return round(float(np.median(known)), 6) if known else None


def _digest(run: RunConfig, inputs: Sequence[str], code: str, engine: str) -> str:
    """Return a digest of everything that decides the numbers; paths of inputs and the number of threads do not."""
    versions = provenance.library_versions()
    decides = {"cfg": run.plain(), "inputs": list(inputs), "versions": versions, "engine": engine, "code": code}
    return digest_of(decides)


def _finish_member(folder: Path, data: MemberData, fitted: Fitted, seed: int) -> None:
    """Write everything that outlives the member's training; `done.json` last, since it marks the rest as complete."""
    target, data = data.target, data.in_unit or data
    tables, seconds = [], {}
    for role in sorted(EVALUATION_ROLES):
        started = time.monotonic()
        tables.append(_predict(data, role, fitted.predict, target))
        seconds[role] = time.monotonic() - started
    write_parquet(folder / "predictions.parquet", pa.concat_tables(tables))
    rows = [{"member": data.member} | asdict(_in_unit(row, target)) for row in fitted.history]
    write_parquet(folder / "history.parquet", pa.Table.from_pylist(rows, schema=HISTORY))
    (folder / "model").mkdir(exist_ok=True)
    fitted.save(folder / "model", f"member-{data.member}")
    facts = dict(fitted.facts)
    if "trials" in facts:
        facts["trials"] = [
            trial | {"validation_mae": _error_in_unit(trial["validation_mae"], target)} for trial in facts["trials"]
        ]
    write_json(
        folder / "done.json",
        facts
        | {
            "seed": seed,
            "rows": {role.value: len(data.of(role)) for role in ROLES},
            "dropped_rows": data.dropped,
            "seconds_fitting": round(fitted.seconds, 3),
            "seconds_predicting": round(seconds[Role.TEST], 3),
        },
    )
    (folder / "state.npz").unlink(missing_ok=True)


def _in_unit(row: HistoryRow, target: Target) -> HistoryRow:
    """Return a row of the history with its error in the unit of the property; a loss stays as it is."""
    return replace(row, validation_mae=_error_in_unit(row.validation_mae, target))


def _error_in_unit(error: float | None, target: Target) -> float | None:
    return None if error is None else error * target.scale


def _predict(data: MemberData, role: Role, predict: Callable[[RoleData], np.ndarray], target: Target) -> pa.Table:
    rows = data.of(role)
    predicted = target.restore(predict(rows)) if len(rows) else np.empty(0)
    columns = [rows.material_id, np.full(len(rows), data.member), np.full(len(rows), role.value, dtype=object)]
    return pa.table([*columns, rows.y, predicted], schema=PREDICTIONS)


def _concatenate(paths: Sequence[Path], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in paths]) if paths else schema.empty_table()


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
