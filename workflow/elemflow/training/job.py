"""One training job: all members of a run, one after the other, surviving a kill at any moment.

Finished members and the state of the unfinished one wait in the checkpoint folder; the outputs are written at the end.
The folder belongs to one process at a time; see `elemflow.training.packing` for those that train the runs of others.
"""

import importlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from elemflow.config.kinds import FITTERS
from elemflow.config.size_dependent import settle
from elemflow.core.errors import DataError, TrainingError
from elemflow.core.files import digest_of, read_json, sha256_file, write_json, write_parquet
from elemflow.core.locks import locked
from elemflow.provenance import run_info as provenance
from elemflow.provenance.energy import EnergyMeter
from elemflow.training import interruption as stopping
from elemflow.training.checkpoint import claim_folder, is_finished, lock_of, remove, write_claim
from elemflow.training.data import ROLES, MemberData, RoleData, RunData
from elemflow.training.fine_tuning import Source, SourceFiles, Start
from elemflow.training.fitter import Fitted, Fitter, NotRun, Task, one_by_one
from elemflow.training.scaling import Scaling, Target, fit_scaling, fit_target, save_scaling, save_target

PREDICTED_ROLES = ("validation", "test")  # training rows would be most of the file and are never reported
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


class Trained(NamedTuple):
    """A run whose members are finished.

    Attributes:
        data: Its rows.
        inputs: SHA-256 of its input files, by path.
        claim: What the checkpoint folder says about itself.
        not_run: Why the run has no result, if its model refuses the rows of a member.
        pretrained: Path of the source run below `results/runs/`, if there is one.
    """

    data: RunData
    inputs: dict[str, str]
    claim: dict[str, Any]
    not_run: str | None
    pretrained: str | None


def train_run(
    cfg: Mapping[str, Any],
    *,
    predictions: Path,
    history: Path,
    run_info: Path,
    model_folder: Path,
    checkpoint_folder: Path,
    threads: int,
    code: str = "",
    then: Callable[[], None] | None = None,
    **inputs: Any,
) -> None:
    """Train, predict and save every member of a run.

    Networks are fitted on the training part and stopped by the monitored part; estimators are fitted on the training
    part; searches choose by the validation part. The test part is only predicted, unless the protocol says
    `monitor: test` as some papers did. A member whose training diverges does not keep the others from being finished.

    Args:
        cfg: `run` (the ids), `property` (unit, title), `model` and `protocol` declarations, resolved.
        predictions: Written: predictions for validation and test rows, sorted by member, role, material; in the
            metadata what each member chose, or why the run has no result.
        history: Written: one row per member and validation, which is one per epoch unless the protocol says otherwise.
        run_info: Written: versions, machine, times, rows, inputs.
        model_folder: Written: one model per member, with its scaling and target, and `model.json`, which says what they
            are.
        checkpoint_folder: Working state, removed after success.
        threads: CPU threads to use.
        code: Digest of the code that trains; a checkpoint of other code is not continued.
        then: Called when the outputs are whole, while the working state still exists: if the process dies there, the
            next start writes the outputs again without training.
        inputs: `features`, `materials`, `split` and `pretrained`; see `train_members`.

    Raises:
        DataError: A part that is needed has no rows, or the source run does not fit.
        TrainingError: The training of a member diverged.
        Stopped: A signal or a deadline ended the training of a network; the next start continues.
    """
    started = time.monotonic()
    checkpoint_folder = Path(checkpoint_folder)
    with locked(lock_of(checkpoint_folder), f"the job of this run, process {os.getpid()}", _Wait(checkpoint_folder)):
        try:
            trained = train_members(
                cfg, checkpoint_folder=checkpoint_folder, threads=threads, code=code, trained_by="its own job", **inputs
            )
        except stopping.Stopped as stopped:
            log.warning("%s; start the workflow again to continue", stopped.message)
            raise
        finally:
            stopping.forget()
        _write_outputs(
            settle(cfg, trained.data.train_rows),
            trained,
            checkpoint_folder,
            Path(predictions),
            Path(history),
            Path(run_info),
            Path(model_folder),
            threads=threads,
            started=started,
            code=code,
        )
        if then:
            then()
        remove(checkpoint_folder)


class _Wait:
    """What a job does while another process trains its run: say so once, and heed the end of its time."""

    def __init__(self, checkpoint_folder: Path):
        self._folder = checkpoint_folder
        self._said = False

    def __call__(self, holder: str) -> None:
        if not self._said:
            log.info("%s: trained at the moment by %s; waits for it", self._folder, holder)
            self._said = True
        if reason := stopping.requested():
            message = f"stopped by {reason} while {holder} trained this run"
            log.warning("%s; start the workflow again to continue", message)
            raise stopping.Stopped(message)


def train_members(
    cfg: Mapping[str, Any],
    *,
    features: Sequence[Path | str],
    materials: Path | str,
    split: Path | str,
    checkpoint_folder: Path,
    threads: int,
    code: str,
    trained_by: str,
    pretrained: Sequence[Path | str] = (),
) -> Trained:
    """Finish every member of a run within its checkpoint folder, whose lock the caller holds.

    What computes is not even imported if all members were finished before.

    Args:
        cfg: See `train_run`.
        features: Feature files, one per part of the representation, in its order.
        materials: `materials.parquet` of the dataset.
        split: Split file of the protocol.
        checkpoint_folder: Where the members are kept; set aside if it is that of another training.
        threads: CPU threads to use.
        code: Digest of the code that trains.
        trained_by: Who trains, for `run_info.json`.
        pretrained: Files of the source run, as `SourceFiles` lists them, if the protocol has the key `pretraining`.

    Raises:
        DataError: A part that is needed has no rows, or the source run does not fit.
        TrainingError: The training of a member diverged; the others are finished.
        Stopped: A signal or a deadline; what is done is kept.
    """
    paths, materials, split = [Path(path) for path in features], Path(materials), Path(split)
    data = RunData(paths, materials, split, dataset=cfg["run"]["dataset"], property_id=cfg["run"]["property"])
    settled = settle(cfg, data.train_rows)
    source = Source(SourceFiles(*map(Path, pretrained)), settled) if pretrained else None
    if source:
        source.check_apart(split, materials)
    inputs = {str(path): sha256_file(path) for path in [*paths, materials, split, *(source.paths if source else ())]}
    fitter = cast("Fitter", importlib.import_module(FITTERS[cfg["model"]["kind"]]))
    claim = claim_folder(checkpoint_folder, partial(_identity, cfg, inputs, code), partial(fitter.engine, cfg, threads))
    source_run = source.run if source else None
    if is_finished(claim) and all((checkpoint_folder / f"member-{m}" / "done.json").exists() for m in data.members):
        log.info("all members: finished before by %s, kept", claim["trained_by"])
        return Trained(data, inputs, claim, None, source_run)
    claim |= {"engine": fitter.start(cfg, threads), "trained_by": trained_by}
    write_claim(checkpoint_folder, claim)
    with EnergyMeter() as meter:
        not_run = _train_members(settled, fitter, data, checkpoint_folder, threads, source)
    if not not_run:
        claim |= {"finished": provenance.now(), "peak_memory_mb": provenance.peak_memory_mb()}
        claim |= {"energy_joules_last_start": meter.joules}
        write_claim(checkpoint_folder, claim)
    return Trained(data, inputs, claim, not_run, source_run)


def _write_outputs(
    cfg: Mapping[str, Any],
    trained: Trained,
    checkpoint_folder: Path,
    predictions: Path,
    history: Path,
    run_info: Path,
    model_folder: Path,
    *,
    threads: int,
    started: float,
    code: str,
) -> None:
    data, claim, not_run = trained.data, trained.claim, trained.not_run
    members = [] if not_run else data.members  # a mean over some members would not be comparable
    done = [checkpoint_folder / f"member-{member}" for member in members]
    facts = {str(member): read_json(folder / "done.json") for member, folder in zip(members, done, strict=True)}
    notes = {"not_run": not_run} if not_run else _notes(facts)
    write_parquet(predictions, _concatenate([folder / "predictions.parquet" for folder in done], PREDICTIONS), notes)
    write_parquet(history, _concatenate([folder / "history.parquet" for folder in done], HISTORY))
    _write_model_folder(model_folder, [folder / "model" for folder in done], cfg)
    fitting = sum(entry["seconds_fitting"] for entry in facts.values())
    write_json(
        run_info,
        {
            "cfg": cfg,
            "not_run": not_run,
            "n_features": data.n_features,
            "members": facts,
            "inputs_sha256": trained.inputs,
            "pretrained": trained.pretrained,
            "code": code,
            "commit": provenance.git_commit(),
            "versions": provenance.library_versions(),
            "host": provenance.host_facts(threads),
            "engine": claim["engine"],
            "trained_by": claim["trained_by"],
            "started": claim["started"],
            "finished": provenance.now(),
            "starts": claim["starts"],
            "seconds_fitting": round(fitting, 3),
            "seconds_per_epoch": _median(facts, "seconds_per_epoch"),
            "rows_per_second": _median(facts, "rows_per_second"),
            "seconds_last_start": round(time.monotonic() - started, 3),
            "peak_memory_mb": claim.get("peak_memory_mb") or provenance.peak_memory_mb(),
            "energy_joules_last_start": claim.get("energy_joules_last_start"),
        },
    )


def _train_members(
    cfg: Mapping[str, Any],
    fitter: Fitter,
    data: RunData,
    checkpoint_folder: Path,
    threads: int,
    source: Source | None,
) -> str | None:
    """Finish every member that is not yet; one that diverges is named when the others are done.

    Returns:
        Why the run has no result, if its model refuses the rows of a member.
    """
    failures = []
    fit_all = getattr(fitter, "fit_all", partial(one_by_one, fitter.fit))
    tasks = _tasks(cfg, fitter, data, checkpoint_folder, source)
    for (member_data, folder, label), fitted in fit_all(cfg, tasks, threads):
        if isinstance(fitted, NotRun):
            log.warning("%s: not run, %s", label, fitted)
            return str(fitted)
        if isinstance(fitted, TrainingError):
            log.error("%s", fitted)
            failures.append(str(fitted))
            continue
        _finish_member(folder, member_data, fitted, cfg["protocol"]["seed"] + member_data.member)
    if failures:
        kept = f"{len(failures)} of {len(data.members)} members failed; the others are kept in {checkpoint_folder}:"
        raise TrainingError("\n".join([kept, *failures]))
    return None


def _tasks(
    cfg: Mapping[str, Any], fitter: Fitter, data: RunData, checkpoint_folder: Path, source: Source | None
) -> Iterator[Task]:
    """Give the members that are not finished, with their inputs scaled."""
    members = data.members
    needed = {"train", "test", *fitter.chosen_by(cfg)}
    for position, member in enumerate(members, start=1):
        folder = checkpoint_folder / f"member-{member}"
        label = f"member {position}/{len(members)}"
        if (folder / "done.json").exists():
            log.info("%s: finished before, kept", label)
            continue
        if reason := stopping.requested():
            raise stopping.Stopped(f"stopped by {reason} before {label}")
        member_data = data.member(member, needed)
        log.info("%s: %s", label, ", ".join(f"{len(getattr(member_data, role))} {role}" for role in ROLES))
        folder.mkdir(parents=True, exist_ok=True)
        start = source.start(member) if source else None
        if start:
            member_data = replace(member_data, pretrained=start.network)
        if scaling := _scaling(cfg, data, member_data, start):
            member_data = member_data.scaled(scaling)
            save_scaling(folder / "model" / f"member-{member}.scaling.npz", scaling)
        target = _target(cfg, member_data, label, start)
        if target != Target():
            member_data = member_data.targeted(target)
            log.info("%s: %s; losses and errors below are in its scale", label, target)
            save_target(folder / "model" / f"member-{member}.target.json", target)
        yield Task(member_data, folder, label)


def _scaling(cfg: Mapping[str, Any], run: RunData, data: MemberData, start: Start | None) -> Scaling | None:
    """Return the scaling of a member, that of its source or one fitted to its training rows; None if it has none."""
    if start:
        return start.scaling
    kinds = cfg["protocol"].get("scaling")
    return fit_scaling(data.train.x, run.parts, kinds) if kinds else None


def _target(cfg: Mapping[str, Any], data: MemberData, label: str, start: Start | None) -> Target:
    """Return the target of a member, that of its source or a fitted one.

    Raises:
        DataError: A value of the property lies below the bound of the predictions.
    """
    minimum = cfg["property"]["minimum"] if cfg["protocol"]["clip_predictions"] else None
    for role in ROLES:
        part: RoleData = getattr(data, role)
        if minimum is not None and (part.y < minimum).any():
            row = int(np.argmin(part.y))
            raise DataError(
                f"{label}: material '{part.material_id[row]}' has the value {part.y[row]:g}, and predictions are "
                f"clipped at {minimum:g}, the property's `minimum`. Filter such rows in the dataset, correct the "
                "bound, or remove `clip_predictions` from the protocol."
            )
    if start:
        return replace(start.target, minimum=minimum)
    return fit_target(data.train.y, cfg["protocol"].get("target_scaling"), minimum)


def _median(facts: Mapping[str, Mapping[str, Any]], name: str) -> float | None:
    known = [entry[name] for entry in facts.values() if name in entry]
    return round(float(np.median(known)), 6) if known else None


def _identity(cfg: Mapping[str, Any], inputs: Mapping[str, str], code: str, engine: str) -> str:
    """Identify everything that decides the numbers; where the inputs lie and how many threads run does not."""
    versions = provenance.library_versions()
    decides = {"cfg": cfg, "inputs": list(inputs.values()), "versions": versions, "engine": engine, "code": code}
    return digest_of(decides)


def _finish_member(folder: Path, data: MemberData, fitted: Fitted, seed: int) -> None:
    """Write everything that outlives the member's training; `done.json` last, since it says that the rest is whole."""
    target, data = data.target, data.in_unit or data
    tables, seconds = [], {}
    for role in sorted(PREDICTED_ROLES):
        started = time.monotonic()
        tables.append(_predict(data, role, fitted.predict, target))
        seconds[role] = time.monotonic() - started
    write_parquet(folder / "predictions.parquet", pa.concat_tables(tables))
    rows = [{"member": data.member} | _in_unit(entry, target) for entry in fitted.history]
    write_parquet(folder / "history.parquet", pa.Table.from_pylist(rows, schema=HISTORY))
    (folder / "model").mkdir(exist_ok=True)
    fitted.save(folder / "model", f"member-{data.member}")
    facts = dict(fitted.facts)
    if "trials" in facts:
        facts["trials"] = [_in_unit(trial, target) for trial in facts["trials"]]
    write_json(
        folder / "done.json",
        facts
        | {
            "seed": seed,
            "rows": {role: len(getattr(data, role)) for role in ROLES},
            "dropped_rows": data.dropped,
            "seconds_fitting": round(fitted.seconds, 3),
            "seconds_predicting": round(seconds["test"], 3),
        },
    )
    (folder / "state.npz").unlink(missing_ok=True)


def _in_unit(entry: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Return a row of the history, or a trial, with its error in the unit of the property; a loss stays as it is."""
    error = entry["validation_mae"]
    return dict(entry) | {"validation_mae": None if error is None else error * target.scale}


def _predict(data: MemberData, role: str, predict: Callable[[RoleData], np.ndarray], target: Target) -> pa.Table:
    part: RoleData = getattr(data, role)
    predicted = target.restore(predict(part)) if len(part) else np.empty(0)
    columns = [part.material_id, np.full(len(part), data.member), np.full(len(part), role, dtype=object)]
    return pa.table([*columns, part.y, predicted], schema=PREDICTIONS)


def _concatenate(paths: Sequence[Path], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in paths]) if paths else schema.empty_table()


def _notes(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what each member chose and left out, for the tables, if its model is a choice."""
    notes = {
        key: {member: entry[key] for member, entry in facts.items() if entry.get(key)} for key in ("chosen", "left_out")
    }
    return {key: found for key, found in notes.items() if found} or None


def _write_model_folder(folder: Path, sources: Sequence[Path], cfg: Mapping[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        for source in sources:
            shutil.copytree(source, temporary, dirs_exist_ok=True)
        write_json(temporary / "model.json", cfg)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
