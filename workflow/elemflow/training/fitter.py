"""What the fitting of one member gives, whatever the kind of model."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from elemflow.core.errors import TrainingError
from elemflow.training.data import MemberData, RoleData


class NotRun(Exception):  # noqa: N818  no error: the tables say why there is no number
    """A model declines the data of a run; its text is the reason."""


@dataclass(frozen=True)
class Fitted:
    """A fitted member.

    Attributes:
        predict: From a part to float64 predictions, shape (rows,).
        save: Writes the model into a folder under a name without suffix.
        history: Rows of `history.parquet` without `member`; a search has one per trial.
        facts: What `run_info.json` says about the member beyond its rows; `chosen` and `left_out` reach the tables too.
        seconds: Seconds of fitting, those before a restart included.
    """

    predict: Callable[[RoleData], np.ndarray]
    save: Callable[[Path, str], None]
    history: list[dict[str, Any]]
    facts: dict[str, Any]
    seconds: float


class Task(NamedTuple):
    """A member to be fitted.

    Attributes:
        data: Parts of the member.
        folder: Where unfinished work may be kept for the next start.
        label: What is trained, for the log.
    """

    data: MemberData
    folder: Path
    label: str


class Fitter(Protocol):
    """Interface of a module of `elemflow.config.kinds.FITTERS`; it may also have a `fit_all` like `one_by_one`."""

    def engine(self, cfg: Mapping[str, Any], threads: int) -> str:
        """Return the name of what the kind of model computes with here, without starting it if that can be."""

    def start(self, cfg: Mapping[str, Any], threads: int) -> dict[str, Any]:
        """Start what the kind of model computes with, before anything else uses it; return its name and device."""

    def chosen_by(self, cfg: Mapping[str, Any]) -> set[str]:
        """Return the roles whose rows decide what is kept."""

    def fit(self, cfg: Mapping[str, Any], data: MemberData, folder: Path, label: str, threads: int) -> Fitted:
        """Fit one member.

        Args:
            cfg: What the run depends on; see `elemflow.training.job.train_run`.
            data: Parts of the member.
            folder: Where unfinished work may be kept for the next start.
            label: What is trained, for the log.
            threads: CPU threads to use.

        Raises:
            NotRun: The model declines these data.
        """


def one_by_one(
    fit: Callable[..., Fitted], cfg: Mapping[str, Any], tasks: Iterable[Task], threads: int
) -> Iterator[tuple[Task, Fitted | NotRun | TrainingError]]:
    """Fit members one after the other.

    Args:
        fit: See `Fitter`.
        cfg: See `Fitter`.
        tasks: The members; each is asked for when the one before is done.
        threads: CPU threads to use.

    Yields:
        A member and what became of it.
    """
    for task in tasks:
        outcome: Fitted | NotRun | TrainingError
        try:
            outcome = fit(cfg, *task, threads)
        except (NotRun, TrainingError) as reason:
            outcome = reason
        yield task, outcome
