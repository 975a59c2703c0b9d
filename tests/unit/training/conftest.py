"""What the tests of training share."""

from collections.abc import Iterator

import pytest

from elemflow.training import loop


@pytest.fixture(scope="session", autouse=True)
def _backend() -> None:
    pytest.importorskip("tensorflow")
    loop.start_backend(1)


@pytest.fixture
def eager() -> Iterator[None]:
    """Spare the seconds of compiling; for tests of what lies around the compiled epoch."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
