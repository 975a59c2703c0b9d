"""A small base on made-up properties, written as the workflow writes one."""

import pandas as pd
import pytest
from factories.base_toy import CFG, DECLARED, compositions, value

from elemflow.base.build import BaseInputs, build_base
from elemflow.config.base import Base
from elemflow.features.store import featurize_chunk
from elemflow.multitask.job import train_network
from elemflow.multitask.joint import write_joint


@pytest.fixture(scope="session", name="base_inputs")
def _base_inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    names = compositions()
    gaps = pd.DataFrame({"composition": names, "gap": [value(name) for name in names]})
    moduli = pd.DataFrame({"composition": names[::2], "k": [10 ** (value(name) / 5) for name in names[::2]]})
    gaps.to_parquet(folder / "a.parquet")
    moduli.to_parquet(folder / "b.parquet")
    base = Base.read(DECLARED)
    materials = {name: folder / f"{name}.parquet" for name in "ab"}
    write_joint(base.heads, materials, [], base.held_out, folder / "joint.parquet", folder / "joint.json")
    featurize_chunk("ef", folder / "joint.parquet", folder / "ef.parquet", folder / "rejected.parquet")
    networks = []
    for number in range(2):
        networks.append(folder / f"network-{number}.npz")
        train_network(
            base, number, folder / "joint.parquet", [folder / "ef.parquet"], networks[-1], folder / "check.npz"
        )
    return BaseInputs(folder / "joint.parquet", [folder / "ef.parquet"], networks)


@pytest.fixture(scope="session", name="built")
def _built(base_inputs, tmp_path_factory):
    """Path of the file and its table of errors."""
    out = tmp_path_factory.mktemp("built") / "toy.elemflow"
    return out, build_base("toy", Base.read(DECLARED), CFG, base_inputs, out, {"commit": "abc"})


@pytest.fixture(name="file")
def _file(built):
    return built[0]
