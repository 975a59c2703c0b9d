"""One training job: all members of a run, one after the other, surviving a kill at any moment.

Finished members and the state of the unfinished one stay in the checkpoint folder; the outputs are written at the end.
The folder belongs to one process at a time; see `elemflow.training.packing` for those that train the runs of others.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from elemflow.config.model import NetworkModel
from elemflow.core.files import digest_of, sha256_file
from elemflow.core.locks import locked
from elemflow.core.places import find
from elemflow.provenance import run_info as provenance
from elemflow.provenance.energy import EnergyMeter
from elemflow.training import interruption
from elemflow.training.backend import Backend
from elemflow.training.checkpoint import lock_of, open_checkpoint, remove
from elemflow.training.data import RunData
from elemflow.training.fine_tuning import PretrainingRun
from elemflow.training.member_files import member_folder
from elemflow.training.members import finish_members, make_fitter
from elemflow.training.outputs import TrainedRun, write_outputs
from elemflow.training.run_config import RunConfig
from elemflow.training.run_files import RunInputs, RunOutputs

log = logging.getLogger(__name__)


def train_run(
    run: RunConfig,
    inputs: RunInputs,
    outputs: RunOutputs,
    backend: Backend,
    *,
    code: str = "",
    then: Callable[[str | None], None] | None = None,
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
            next start writes the outputs again without training. It gets what requested a stop too late to stop the run
            in words, or None.

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
            stop = interruption.requested()
        except interruption.Stopped as stopped:
            log.warning("%s; start the workflow again to continue", stopped.message)
            raise
        finally:
            interruption.forget()
        write_outputs(trained, outputs, backend.threads, code, started)
        if then:
            then(stop)
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
    files += [inputs.base] if inputs.base else []
    digests = {str(path): sha256_file(path) for path in files}
    fitter = make_fitter(sized, backend)
    identity = open_checkpoint(
        checkpoint_folder, partial(_digest, run, list(digests.values()), code), lambda: fitter.engine
    )
    digests |= _network_file(run)  # that of its code is part of `code`, without comments
    pretrained = before.path if before else None
    if identity.finished and all((member_folder(checkpoint_folder, m) / "done.json").exists() for m in data.members):
        log.info("all members: finished before by %s, kept", identity.trained_by)
        return TrainedRun(sized, data, digests, identity, None, pretrained)
    identity = replace(identity, engine=fitter.start(), trained_by=trained_by)
    identity.write(checkpoint_folder)
    with EnergyMeter() as meter:
        not_run = finish_members(sized, fitter, data, checkpoint_folder, before)
    if not not_run:
        identity = replace(
            identity,
            finished=provenance.now(),
            peak_memory_mb=provenance.peak_memory_mb(),
            energy_joules=meter.joules,
        )
        identity.write(checkpoint_folder)
    return TrainedRun(sized, data, digests, identity, not_run, pretrained)


def _network_file(run: RunConfig) -> dict[str, str]:
    """Return the SHA-256 of the Python file of a network of the user's own, by its path."""
    file = run.model.spec.source_file if isinstance(run.model, NetworkModel) else None
    return {file: sha256_file(find(file))} if file else {}


def _digest(run: RunConfig, inputs: Sequence[str], code: str, engine: str) -> str:
    """Return a digest of everything that decides the numbers; paths of inputs and the number of threads do not."""
    versions = provenance.library_versions()
    decides = {"cfg": run.plain(), "inputs": list(inputs), "versions": versions, "engine": engine, "code": code}
    return digest_of(decides)
