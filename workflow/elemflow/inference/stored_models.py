"""Predictions of the members that a run stored, whatever the kind of model."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elemflow.config.model import NetworkModel
from elemflow.core.files import read_json
from elemflow.training.backend import Backend
from elemflow.training.scaling import Scaling
from elemflow.training.storage import MODEL_FILE, StoredMember

BATCH_ROWS = 4096


class Member(NamedTuple):
    """A stored member.

    Attributes:
        scaling: Scaling of its inputs, column by column; None where they stay as they are.
        ask: From scaled float32 inputs (rows, features) to float64 predictions in the property's unit (rows,). Habits
            of evaluation (dropout or batch statistics) are not part of a stored model.
    """

    scaling: Scaling | None
    ask: Callable[[np.ndarray], np.ndarray]

    def scale(self, x: np.ndarray) -> np.ndarray:
        """Return scaled inputs (rows, features); `x` is left as it is."""
        return self.scaling.apply(x) if self.scaling else x


def start(run_info: Mapping[str, Any], threads: int) -> None:
    """Start what the models of a run compute with; must come before the first `load_member`.

    Args:
        run_info: Content of `run_info.json`.
        threads: CPU threads to use.
    """
    if run_info["cfg"]["model"]["kind"] == "network":
        Backend(threads).start(run_info["cfg"]["protocol"]["training"].get("engine", "auto"))


def load_member(folder: Path, member: int) -> Member:
    """Load a member from the `model` folder of a run."""
    stored = StoredMember(folder, member)
    restore = stored.target.restore
    if stored.estimator_path.exists():
        estimator = stored.load_estimator()
        return Member(stored.scaling, lambda x: restore(np.asarray(estimator.predict(x), dtype=np.float64)))
    network = stored.load_network(NetworkModel.model_validate(read_json(folder / MODEL_FILE)["model"]))

    def ask(x: np.ndarray) -> np.ndarray:
        starts = range(0, len(x), BATCH_ROWS)
        pieces = [
            np.asarray(network.predict_on_batch(x[at : at + BATCH_ROWS]), dtype=np.float64)[:, 0] for at in starts
        ]
        return restore(np.concatenate(pieces))

    return Member(stored.scaling, ask)
