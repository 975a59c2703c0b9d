"""Search over the settings of a network and of its training, by the error on the validation set.

Each trial is a training of its own: with a checkpoint, on either engine, in a backend that is cleared before the next
one, so that memory does not grow with the number of trials. A finished trial is a file; a process that starts again
reports those that are there to the sampler and goes on with the next.
"""

import itertools
import logging
import math
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elemflow.config.model import ChoiceRange, Choices, NetworkModel, NetworkSearchModel
from elemflow.config.network_search import applied, values_of
from elemflow.core.errors import TrainingError
from elemflow.core.files import atomic_path, read_json, write_json
from elemflow.core.roles import EVALUATION_ROLES, Role
from elemflow.training.data import MemberData, RoleData
from elemflow.training.fitter import Fitted, Fitter, Outcome, Task
from elemflow.training.fitters.network import NetworkFitter
from elemflow.training.progress import Progress
from elemflow.training.state import HistoryRow, TrainingState

if TYPE_CHECKING:
    import optuna

COMPLETE, PRUNED, FAILED, REPEATED = "complete", "pruned", "diverged", "as an earlier trial"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NetworkTrial:
    """A trial that is over.

    Attributes:
        trial: Number, from 1.
        parameters: Chosen values by dotted key, named as the search declares them.
        state: `complete`, `pruned`, `diverged`, or `as an earlier trial` of the same choice.
        validation_mae: Error on the validation set of the weights that it kept, lowest so far if it was pruned; None if
            it diverged.
        reports: Errors that the pruner was given, one per validation.
        epochs: Epochs trained.
        seconds: Seconds of training.
    """

    trial: int
    parameters: dict[str, str | float]
    state: str
    validation_mae: float | None
    reports: tuple[float, ...]
    epochs: int
    seconds: float

    @property
    def error(self) -> float:
        """The error that trials are compared by; infinite if this one cannot win."""
        wins = self.state == COMPLETE and self.validation_mae is not None
        return float(self.validation_mae or 0.0) if wins else math.inf


class NetworkSearchFitter(NetworkFitter):
    """Fits models of kind `network_search`."""

    @property
    def search(self) -> NetworkSearchModel:
        """The model of the run."""
        assert isinstance(self.run.model, NetworkSearchModel)  # noqa: S101  this module serves its kind alone
        return self.run.model

    def model_selection_roles(self) -> set[Role]:
        """See `elemflow.training.fitter.Fitter`."""
        return {Role.VALIDATION}

    def fit_all(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Fit members one after the other, each with a search of its own."""
        yield from Fitter.fit_all(self, tasks)

    def fit(self, task: Task) -> Fitted:
        """See `elemflow.training.fitter.Fitter`.

        Raises:
            TrainingError: Every trial diverged.
        """
        folder = task.folder / "trials"
        folder.mkdir(parents=True, exist_ok=True)
        study = _make_study(self.search, self.run.seed_of(task.data.member))
        trials: list[NetworkTrial] = []
        for number in range(1, _count(self.search) + 1):
            proposed = study.ask()
            chosen = {key: _suggest(proposed, key, choices) for key, choices in sorted(self.search.space.items())}
            path = folder / f"{number}.json"
            trial = _read(path) if path.is_file() else self._try(task, folder, proposed, number, chosen, trials)
            if not path.is_file():
                write_json(path, asdict(trial))
                shutil.rmtree(folder / f"{number}", ignore_errors=True)
            _tell(study, proposed, trial)
            trials.append(trial)
            best = min(trials, key=lambda each: each.error)
            log.info(
                "%s, trial %d/%d: %s, %s, validation MAE %s, best %.5g @ %d, %d epochs, %.1f s",
                task.label, number, _count(self.search), trial.parameters, trial.state,
                "none" if trial.validation_mae is None else f"{trial.validation_mae:.5g}",
                best.error, best.trial, trial.epochs, trial.seconds,
            )  # fmt: skip
        if best.error == math.inf:
            raise TrainingError(
                f"{task.label}: none of {len(trials)} trials came to its end. Allow lower learning rates in `space`."
            )
        return _winner(trials, best, folder)

    def _try(
        self,
        task: Task,
        folder: Path,
        proposed: "optuna.Trial",
        number: int,
        chosen: dict[str, str | float],
        earlier: list[NetworkTrial],
    ) -> NetworkTrial:
        """Train one trial, and keep its network if none was better."""
        if same := next((trial for trial in earlier if trial.parameters == chosen), None):
            return replace(same, trial=number, state=REPEATED if same.state == COMPLETE else same.state, seconds=0.0)
        self.backend.start(self.settings.training.engine)
        fitter, trial_folder = self._fitter(proposed, chosen), folder / f"{number}"
        trial_folder.mkdir(exist_ok=True)
        started = time.monotonic()
        try:
            fitted = fitter.fit(Task(task.data, trial_folder, f"{task.label}, trial {number}"))
        except _Pruned:
            state, error, epochs, seconds = PRUNED, min(fitter.reports), fitter.epochs, time.monotonic() - started
        except TrainingError as reason:
            log.info("%s", reason)
            state, error, epochs, seconds = FAILED, None, fitter.epochs, time.monotonic() - started
        else:
            state, error, epochs, seconds = COMPLETE, fitter.kept_error(fitted), fitted.facts["epochs"], fitted.seconds
            if error is not None and error < min((trial.error for trial in earlier), default=math.inf):
                _keep(fitted, task.data, folder, number)
        return NetworkTrial(number, chosen, state, error, tuple(fitter.reports), epochs, round(seconds, 3))

    def _fitter(self, proposed: "optuna.Trial", chosen: dict[str, str | float]) -> "_TrialFitter":
        """Return what trains the network of a trial."""
        values = {key: values_of(self.search.space[key]).get(str(name), name) for key, name in chosen.items()}
        spec, training = applied(self.search, self.settings.training, values)
        protocol = self.run.protocol.model_copy(update={"training": training})
        run = replace(self.run, model=NetworkModel(kind="network", spec=spec), protocol=protocol)
        return _TrialFitter(run, self.backend, proposed if self.search.prune_after else None)


FITTER = NetworkSearchFitter


class _Pruned(Exception):  # noqa: N818  no error: the trial is over
    """A trial is worse than the earlier ones."""


class _TrialFitter(NetworkFitter):
    """Trains the network of a trial, and lets the pruner end it.

    Args:
        run: Configuration with the network and the training of the trial.
        backend: The Keras backend of the process.
        proposed: The trial of Optuna; None if nothing prunes.
    """

    def __init__(self, run: Any, backend: Any, proposed: "optuna.Trial | None"):
        super().__init__(run, backend)
        self._proposed = proposed
        self.reports: list[float] = []
        self.epochs = 0

    def progress(self, label: str, interval: float) -> Progress:
        """See `NetworkFitter`."""
        return _TrialProgress(self, super().progress(label, interval))

    def validated(self, state: TrainingState) -> None:
        """Tell the pruner of the validations since the last call, those before a restart included.

        Raises:
            _Pruned: The trial is worse than the earlier ones.
        """
        self.epochs = state.epoch
        if self._proposed is None:
            return
        for row in state.history.rows[len(self.reports) :]:
            lowest = min([*self.reports[-1:], row.validation_mae if row.validation_mae is not None else math.inf])
            self.reports.append(lowest)
            self._proposed.report(lowest, len(self.reports))
        if not state.stopped and self._proposed.should_prune():
            raise _Pruned

    def kept_error(self, fitted: Fitted) -> float | None:
        """Return the error on the validation set of the weights that a trained network has."""
        stopping = self.settings.training.early_stopping
        errors = [row.validation_mae for row in fitted.history if row.validation_mae is not None]
        return (min(errors) if stopping and stopping.restore_best else errors[-1]) if errors else None


class _TrialProgress(Progress):
    """Logs as another progress does, and reports to the fitter of a trial."""

    def __init__(self, fitter: _TrialFitter, shown: Progress):
        self.label = shown.label
        self._fitter, self._shown = fitter, shown

    def validated(self, state: TrainingState, simultaneous: int = 1) -> None:
        """See `Progress`."""
        self._shown.validated(state, simultaneous)
        self._fitter.validated(state)


def _make_study(search: NetworkSearchModel, seed: int) -> "optuna.Study":
    """Return the study that proposes settings; equal seeds propose the same after the same results."""
    import optuna  # noqa: PLC0415  heavy, and only searches need it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler if search.sampler == "tpe" else optuna.samplers.RandomSampler
    after = search.prune_after
    pruner = optuna.pruners.MedianPruner(n_warmup_steps=after) if after else optuna.pruners.NopPruner()
    study = optuna.create_study(direction="minimize", sampler=sampler(seed=seed), pruner=pruner)
    if search.sampler == "grid":  # Optuna's own ends the study by itself, which only `optimize` can take
        names = {key: list(values_of(choices)) for key, choices in sorted(search.space.items())}
        points = list(itertools.product(*names.values()))
        for number in np.random.default_rng(seed).permutation(len(points))[: search.trials]:
            study.enqueue_trial(dict(zip(names, points[number], strict=True)))
    return study


def _count(search: NetworkSearchModel) -> int:
    """Return the number of trials; a grid has no more than its points."""
    points = math.prod(len(values_of(choices)) for choices in search.space.values())
    return min(search.trials, points) if search.sampler == "grid" else search.trials


def _suggest(proposed: "optuna.Trial", key: str, choices: Choices) -> str | float:
    """Return the name of a proposed value, or a number of a range."""
    if isinstance(choices, ChoiceRange):
        return proposed.suggest_float(key, choices.low, choices.high, log=choices.log)
    name: str = proposed.suggest_categorical(key, list(values_of(choices)))
    return name


def _tell(study: "optuna.Study", proposed: "optuna.Trial", trial: NetworkTrial) -> None:
    """Tell the sampler what became of a trial."""
    import optuna  # noqa: PLC0415  heavy, and only searches need it

    known = study.trials[proposed.number].intermediate_values
    for step, report in enumerate(trial.reports, start=1):
        if step not in known:
            proposed.report(report, step)
    if trial.validation_mae is None:
        study.tell(proposed, state=optuna.trial.TrialState.FAIL)
    elif trial.state == PRUNED:
        study.tell(proposed, state=optuna.trial.TrialState.PRUNED)
    else:
        study.tell(proposed, trial.validation_mae)


def _read(path: Path) -> NetworkTrial:
    stored = read_json(path)
    return NetworkTrial(**stored | {"reports": tuple(stored["reports"])})


def _keep(fitted: Fitted, data: MemberData, folder: Path, number: int) -> None:
    """Keep the network of the best trial so far, with its predictions, and remove that of the one before."""
    older = [*folder.glob("best-*")]
    fitted.save(folder, f"best-{number}")
    rows = [part for role in sorted(EVALUATION_ROLES) if len(part := data.of(role))]
    with atomic_path(folder / f"best-{number}.npz") as temporary:
        np.savez(
            temporary,
            material_id=np.concatenate([part.material_id for part in rows]).astype(str),
            predicted=np.concatenate([fitted.predict(part) for part in rows]),
        )
    write_json(folder / f"best-{number}.facts.json", fitted.facts)
    for path in older:
        if path.name.split(".")[0] != f"best-{number}":
            path.unlink()


class _StoredPredictions:
    """Predictions of a network that is no longer in memory.

    Args:
        path: Their file.
    """

    def __init__(self, path: Path):
        with np.load(path) as stored:
            self._known = dict(zip(stored["material_id"].tolist(), stored["predicted"].tolist(), strict=True))

    def __call__(self, rows: RoleData) -> np.ndarray:
        """Return the predictions of validation or test rows, float64, shape (rows,)."""
        return np.array([self._known[str(material)] for material in rows.material_id], dtype=np.float64)


class _Copy:
    """Copies a stored network to where the run keeps its members.

    Args:
        path: The network.
    """

    def __init__(self, path: Path):
        self._path = path

    def __call__(self, folder: Path, name: str) -> None:
        """Copy it into a folder under a name."""
        shutil.copyfile(self._path, folder / f"{name}.keras")


def _winner(trials: list[NetworkTrial], best: NetworkTrial, folder: Path) -> Fitted:
    """Return the best trial as a fitted member, with one row of history per trial."""
    name = f"best-{best.trial}"
    shown = [{key: value for key, value in asdict(trial).items() if key != "reports"} for trial in trials]
    facts = read_json(folder / f"{name}.facts.json") | {"trials": shown, "best_trial": best.trial}
    facts["chosen"] = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in best.parameters.items())
    return Fitted(
        predict=_StoredPredictions(folder / f"{name}.npz"),
        save=_Copy(folder / f"{name}.keras"),
        history=[HistoryRow(trial.trial, trial.validation_mae, trial.seconds) for trial in trials],
        facts=facts,
        seconds=sum(trial.seconds for trial in trials),
    )
