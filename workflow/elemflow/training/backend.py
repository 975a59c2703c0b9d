"""The one Keras backend of a process, started when a network first needs it.

A script makes one `Backend` and hands it down; jobs that train no network load neither library. The environment
variables that Keras and JAX read at their import are set here, before the import of an engine, and nowhere else.
"""

import importlib.util
import logging
import os
from pathlib import Path
from typing import NamedTuple

from elemflow.core.errors import SoftwareError
from elemflow.training.engine import KerasBackend

log = logging.getLogger(__name__)


class EngineInfo(NamedTuple):
    """What a run was computed with.

    Attributes:
        name: `tensorflow`, `jax` or `scikit-learn`.
        device: `cpu` or the name of the accelerator.
    """

    name: str
    device: str

    def plain(self) -> dict[str, str]:
        """Return the fields as JSON values."""
        return self._asdict()


class Backend:
    """The Keras backend of this process; a process can have one only.

    Equal seeds give equal bytes on one kind of machine with one engine and one number of threads; another number of
    threads sums in another order.

    Args:
        threads: CPU threads that one operation may use.
    """

    def __init__(self, threads: int):
        self.threads = threads
        self._started: KerasBackend | None = None

    def engine_name(self, declared: str) -> str:
        """Return the engine that `training.engine` means on this machine, without starting it if possible.

        Args:
            declared: `tensorflow`, `jax`, or `auto`: JAX on a GPU that it can use, TensorFlow elsewhere.
        """
        return self._faster_engine() if declared == "auto" else declared

    def start(self, declared: str) -> EngineInfo:
        """Start the backend, or clear the one that runs, so that a run is the same whatever was trained before.

        Args:
            declared: `training.engine` of the protocol.

        Raises:
            SoftwareError: The process runs the other backend.
        """
        if self._started is None:
            self._started = self._make(self.engine_name(declared))
            if self._started.device == "cpu":
                log.info("No GPU is found here; the CPU computes.")
        else:
            name = self.engine_name(declared)
            if name != self._started.name:
                raise SoftwareError(
                    f"engine '{name}' cannot start in a process that computes with '{self._started.name}'. Use one "
                    "process for each engine."
                )
            self._started.clear()
        return EngineInfo(self._started.name, self._started.device)

    @property
    def is_started(self) -> bool:
        """Whether this process has started a backend."""
        return self._started is not None

    @property
    def keras(self) -> KerasBackend:
        """The backend that was started.

        Raises:
            RuntimeError: None was.
        """
        if self._started is None:
            raise RuntimeError("Backend.start must come first")
        return self._started

    def _make(self, name: str) -> KerasBackend:
        os.environ["KERAS_BACKEND"] = name
        if name == "jax":
            set_jax_environment(self.threads)
            from elemflow.training.jax_engine import JaxBackend  # noqa: PLC0415  Keras reads its variable at import

            return JaxBackend()
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from elemflow.training.tensorflow_engine import TensorFlowBackend  # noqa: PLC0415  as above

        return TensorFlowBackend(self.threads)

    def _faster_engine(self) -> str:
        """Return the engine that docs/results/performance.md found faster; JAX is imported only if there is a GPU."""
        if not any(Path("/dev").glob("nvidia[0-9]*")) or importlib.util.find_spec("jax") is None:
            return "tensorflow"
        set_jax_environment(self.threads)
        import jax  # noqa: PLC0415  after its variables

        return "jax" if jax.default_backend() == "gpu" else "tensorflow"


def set_jax_environment(threads: int) -> None:
    """Set the variables that JAX reads when it starts: threads, deterministic operations, no memory beyond its need."""
    flags = os.environ.get("XLA_FLAGS", "")
    deterministic = "--xla_gpu_deterministic_ops=true"
    os.environ |= {
        "NPROC": str(threads),
        "XLA_FLAGS": flags if deterministic in flags else f"{flags} {deterministic}".lstrip(),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
