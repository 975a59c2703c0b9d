"""The interface of what fits the members of a run, whatever the kind of model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elemflow.core.errors import TrainingError
from elemflow.core.roles import Role
from elemflow.training.backend import Backend, EngineInfo
from elemflow.training.data import MemberData, RoleData
from elemflow.training.run_config import RunConfig
from elemflow.training.state import HistoryRow


class ModelNotApplicable(Exception):  # noqa: N818  no error: the tables say why there is no number
    """A model is skipped for the data of a run; the text is the reason, such as a dataset above `max_rows`."""


@dataclass(frozen=True)
class Fitted:
    """A fitted member.

    Attributes:
        predict: From the rows of a role to float64 predictions, shape (rows,).
        save: Writes the model into a folder under a name without suffix.
        history: Rows of `history.parquet`; a search has one per trial.
        facts: What `run_info.json` says about the member beyond its rows; `chosen` and `left_out` reach the tables too.
        seconds: Seconds of fitting, those before a restart included.
    """

    predict: Callable[[RoleData], np.ndarray]
    save: Callable[[Path, str], None]
    history: list[HistoryRow]
    facts: dict[str, Any]
    seconds: float


class Task(NamedTuple):
    """A member to be fitted.

    Attributes:
        data: Training, validation and test set of the member.
        folder: Where unfinished work may be kept for the next start.
        label: What is trained, for the log.
    """

    data: MemberData
    folder: Path
    label: str


Outcome = Fitted | ModelNotApplicable | TrainingError


class Fitter(ABC):
    """Fits the members of a run; the module of a kind in `elemflow.config.kinds.FITTERS` names its class `FITTER`.

    Args:
        run: Configuration of the run, for the size of its training sets.
        backend: The Keras backend of the process, and its number of threads.
    """

    def __init__(self, run: RunConfig, backend: Backend):
        self.run, self.backend = run, backend

    @property
    @abstractmethod
    def engine(self) -> str:
        """Name of what computes here, found without starting it if possible."""

    @abstractmethod
    def start(self) -> EngineInfo:
        """Start what computes, before anything else uses it."""

    @abstractmethod
    def model_selection_roles(self) -> set[Role]:
        """Return the roles whose rows decide which weights or hyperparameters are kept."""

    @abstractmethod
    def fit(self, task: Task) -> Fitted:
        """Fit one member.

        Raises:
            ModelNotApplicable: The model is skipped for these data.
            TrainingError: The training diverged.
        """

    def fit_all(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Fit members one after the other.

        Args:
            tasks: The members; each is requested when the one before is done.

        Yields:
            A member and its result.
        """
        for task in tasks:
            outcome: Outcome
            try:
                outcome = self.fit(task)
            except (ModelNotApplicable, TrainingError) as reason:
                outcome = reason
            yield task, outcome
