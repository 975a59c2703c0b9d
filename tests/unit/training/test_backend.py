"""The Keras backend of a process."""

import pytest

from elemflow.core.errors import SoftwareError
from elemflow.training.backend import Backend, EngineInfo


def test_a_declared_engine_is_not_started_to_be_named() -> None:
    backend = Backend(1)
    assert [backend.engine_name(declared) for declared in ("tensorflow", "jax")] == ["tensorflow", "jax"]
    assert not backend.is_started
    with pytest.raises(RuntimeError):
        _ = backend.keras


def test_a_process_keeps_its_engine(backend: Backend) -> None:
    info = backend.start("tensorflow")
    assert info.name == backend.keras.name == "tensorflow"
    assert EngineInfo(**info.plain()) == info
    with pytest.raises(SoftwareError, match="'jax'"):
        backend.start("jax")
