"""What several tests share."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong. The suite tries the same examples everywhere, so that it passes or fails alike;
# `pytest --hypothesis-profile explore` draws new ones.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeat", settings.get_profile("explore"), derandomize=True)
settings.load_profile("repeat")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the project."""
    return ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the config folder that a test may break."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with copies of real databases; tests that need it are skipped where it is absent."""
    folder = os.environ.get("ELEMFLOW_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("real data not at hand: set ELEMFLOW_DATA to their folder")
    return Path(folder)
