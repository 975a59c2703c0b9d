"""What the tests of the networks share."""

import numpy as np
import pytest
from factories.training import process_backend


@pytest.fixture(scope="session")
def backend() -> None:
    """Start TensorFlow as a training does."""
    pytest.importorskip("tensorflow")
    process_backend().start("tensorflow")


@pytest.fixture(scope="session")
def fractions() -> np.ndarray:
    """Elemental fractions of 48 compositions with one to four elements, float32 (48, 86)."""
    rng = np.random.default_rng(0)
    x = np.zeros((48, 86), dtype=np.float32)
    for row in range(len(x)):
        amounts = rng.integers(1, 9, size=row % 4 + 1)
        x[row, rng.choice(86, size=len(amounts), replace=False)] = amounts / amounts.sum()
    return x
