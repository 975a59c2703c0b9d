"""The trained members of a run, loaded to predict, for every kind of model."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from elemflow.config.kinds import parts_of
from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError
from elemflow.training.backend import Backend
from elemflow.training.run_config import RunConfig
from elemflow.training.storage import StoredMember, read_run_config, stored_members

NETWORK_ROWS = 4096
"""Rows that a network predicts at once."""

Forward = Callable[[np.ndarray], np.ndarray]
"""Scaled features, float32 (rows, columns), to the outputs of a model, float64 (rows,)."""


class Member:
    """A trained member, with its scaling of features and target.

    Networks predict in inference mode, whatever dropout or batch statistics the protocol evaluates with: a new material
    has no batch of its own.

    Args:
        stored: Files of the member.
        model: Declaration of the model.
        backend: Keras backend of this process, started here if a network needs it.
        network_rows: Rows that a network predicts at once, all if None; other numbers of rows may round differently.
        without_keras: Whether a network of layers that numpy can evaluate is; its predictions differ by rounding.
    """

    def __init__(
        self,
        stored: StoredMember,
        config: RunConfig,
        backend: Backend,
        network_rows: int | None = NETWORK_ROWS,
        *,
        without_keras: bool = False,
    ):
        self.number = stored.number
        self._scaling, self._target = stored.scaling, stored.target
        model = config.model
        if isinstance(model, NetworkModel):
            forward = _read_network(stored, backend) if without_keras else None
            self._forward = _network(forward or _load_network(stored, model, config, backend), network_rows)
        else:
            estimator = stored.load_estimator()
            self._forward = lambda x: np.asarray(estimator.predict(x), dtype=np.float64) if len(x) else np.empty(0)

    def scale(self, x: np.ndarray) -> np.ndarray:
        """Return scaled features, float32 (rows, columns), column by column; `x` is left as it is."""
        return self._scaling.apply(x) if self._scaling else x

    def predict_scaled(self, x: np.ndarray) -> np.ndarray:
        """Return predictions in the unit of the property, float64 (rows,), from scaled features (rows, columns)."""
        return self._target.restore(self._forward(x))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return predictions in the unit of the property, float64 (rows,), from unscaled features (rows, columns)."""
        return self.predict_scaled(self.scale(x))


class TrainedRun:
    """All trained members of a run.

    Args:
        folder: `model` folder of the run.
        backend: Keras backend of this process, started here if a network needs it; None shares one with one thread.
        network_rows: See `Member`.
        network_file: Python file of a network of the user's own, in place of the one that the run names.
        without_keras: See `Member`.

    Attributes:
        config: What the run was trained by.
        parts: Parts of its representation, in order.
        members: The members, by number.

    Raises:
        DataError: The folder holds no trained run, or its run has no result.
    """

    def __init__(
        self,
        folder: Path,
        backend: Backend | None = None,
        network_rows: int | None = NETWORK_ROWS,
        network_file: Path | None = None,
        *,
        without_keras: bool = False,
    ):
        self.config = _with_network_file(read_run_config(folder), network_file)
        self.parts = parts_of(self.config.run.representation)
        stored = stored_members(folder)
        if not stored:
            raise DataError(f"{folder}: no member is stored, since the run has no result; its log says why.")
        backend = backend or _shared_backend()
        self.members = [
            Member(each, self.config, backend, network_rows, without_keras=without_keras) for each in stored
        ]

    def unsupported_rows(self, x: np.ndarray) -> dict[int, str]:
        """Return the rows of unscaled features (rows, columns) that the model cannot read, with reasons."""
        if not isinstance(self.config.model, NetworkModel):
            return {}
        return self.config.model.spec.unsupported_rows(x)

    def check_inputs(self, x: np.ndarray, material_id: np.ndarray) -> None:
        """Check that the model can read all rows.

        Args:
            x: Unscaled features (rows, columns).
            material_id: Ids of the rows (rows,).

        Raises:
            DataError: Names a material that it cannot read.
        """
        if isinstance(self.config.model, NetworkModel):
            from elemflow.networks.build import check_inputs  # noqa: PLC0415  no estimator needs the networks

            check_inputs(self.config.model.spec, x, material_id)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the predictions of all members, in the unit of the property.

        Args:
            x: Unscaled features, columns of all parts, float32 (rows, columns).

        Returns:
            Float64 array (members, rows).
        """
        return np.stack([member.predict(x) for member in self.members])


def _with_network_file(config: RunConfig, network_file: Path | None) -> RunConfig:
    """Return a configuration whose network is built by another Python file."""
    if network_file is None or not isinstance(config.model, NetworkModel):
        return config
    spec = config.model.spec.model_copy(update={"file": str(network_file.resolve())})
    return replace(config, model=config.model.model_copy(update={"spec": spec}))


@cache
def _shared_backend() -> Backend:
    return Backend(1)


def _load_network(stored: StoredMember, model: NetworkModel, config: RunConfig, backend: Backend) -> Forward:
    """Return the network of a member in Keras; starts the backend if nothing has."""
    if not backend.is_started:
        training = config.protocol.training
        backend.start(training.engine if training else "auto")
    return backend.keras.forward(stored.load_network(model))


def _read_network(stored: StoredMember, backend: Backend) -> Forward | None:
    """Return the network of a member in numpy; None if Keras is needed, also for its message on a damaged file."""
    from elemflow.networks.numpy_forward import read_network  # noqa: PLC0415  no estimator needs the networks

    try:
        return read_network(stored.network_path, backend.threads)
    except (KeyError, IndexError, TypeError, ValueError, OSError, zipfile.BadZipFile):
        return None


def _network(forward: Callable[[np.ndarray], np.ndarray], rows: int | None) -> Forward:
    """Return a function that predicts some rows at once with a compiled network."""

    def predict(x: np.ndarray) -> np.ndarray:
        total = max(len(x), 1)  # no rows still give an empty array
        size = rows or total
        pieces = [forward(x[first : first + size]) for first in range(0, total, size)]
        return np.concatenate([np.asarray(piece, dtype=np.float64) for piece in pieces])

    return predict
