"""A small base on made-up properties, written as the workflow writes one."""

import pytest
from factories.base_toy import CFG, DECLARED, train_toy

from elemflow.base.build import build_base
from elemflow.config.base import Base


@pytest.fixture(scope="session", name="base_inputs")
def _base_inputs(tmp_path_factory):
    return train_toy(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session", name="built")
def _built(base_inputs, tmp_path_factory):
    """Path of the file and its table of errors."""
    out = tmp_path_factory.mktemp("built") / "toy.elemflow"
    return out, build_base("toy", Base.read(DECLARED), CFG, base_inputs, out, {"commit": "abc"})


@pytest.fixture(name="file")
def _file(built):
    return built[0]
