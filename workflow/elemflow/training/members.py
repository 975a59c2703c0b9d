"""Fitting of the members of a run: their rows, scalings and targets, and who is finished already."""

import importlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from elemflow.config.kinds import FITTERS, parts_of
from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError, TrainingError
from elemflow.core.roles import ROLES, Role
from elemflow.features.scaling import (
    Scaling,
    Target,
    fit_scaling,
    fit_target,
    save_scaling,
    save_target,
    warn_of_large_inputs,
)
from elemflow.training import interruption
from elemflow.training.backend import Backend
from elemflow.training.data import MemberData, RunData
from elemflow.training.fine_tuning import PretrainedMember, PretrainingRun
from elemflow.training.fitter import Fitter, ModelNotApplicable, Task
from elemflow.training.member_files import finish_member, member_folder
from elemflow.training.run_config import RunConfig
from elemflow.training.storage import StoredMember

log = logging.getLogger(__name__)


def make_fitter(run: RunConfig, backend: Backend) -> Fitter:
    """Return the fitter of the run's kind of model; its module is imported only here, so that others stay unloaded."""
    fitter: type[Fitter] = importlib.import_module(FITTERS[run.model.kind]).FITTER
    return fitter(run, backend)


def finish_members(
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
        parts = parts_of(run.run.representation)
        finish_member(folder, member_data, fitted, run.seed_of(member_data.member), parts)
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
        folder = member_folder(checkpoint_folder, member)
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
