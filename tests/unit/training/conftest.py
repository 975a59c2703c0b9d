"""What the tests of training share."""

from collections.abc import Iterator

import pytest
from factories.training import process_backend

from elemflow.training.backend import Backend


@pytest.fixture(scope="session", autouse=True)
def backend() -> Backend:
    """The Keras backend of the process."""
    pytest.importorskip("tensorflow")
    process_backend().start("tensorflow")
    return process_backend()


@pytest.fixture
def eager() -> Iterator[None]:
    """Spare the seconds of compiling; for tests of what lies around the compiled epoch."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
