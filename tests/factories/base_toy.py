"""A small base on made-up properties."""

from pathlib import Path

import numpy as np
import pandas as pd

from elemflow.base.build import BaseInputs, build_base
from elemflow.chemistry.composition import amounts, canonical
from elemflow.config.base import Base
from elemflow.features.store import featurize_chunk
from elemflow.multitask.job import train_network
from elemflow.multitask.joint import write_joint

DECLARED = {
    "title": "toy base",
    "representation": "ef",
    "heads": {
        "z_gap": {"dataset": "a", "property": "gap", "title": "Gap (A)", "group": "gap"},
        "b_modulus": {
            "dataset": "b",
            "property": "k",
            "title": "Modulus (B)",
            "group": "modulus",
            "transform": "log10",
        },
    },
    "network": {"stacks": [{"width": 16, "layers": 4, "branches": [2, 2]}, {"width": 8, "layers": 2}]},
    "training": {"epochs": 30, "batch_size": 32, "learning_rate": 0.01},
    "members": 2,
    "held_out": 0.2,
    "left_out": {"C": "no licence"},
    "known": True,
}
ELEMENTS = ("Li", "Na", "K", "Mg", "Al", "Fe", "Cu", "O", "S", "Cl")
CFG = {
    "texts": {name: {"title": name.upper(), "license": "CC BY 4.0", "citation": ["someone2020"]} for name in "ab"},
    "properties": {"z_gap": {"unit": "eV", "minimum": 0}, "b_modulus": {"unit": "GPa", "minimum": 0}},
}


def compositions(n=400):
    """Return binary and ternary compositions, sorted."""
    generator = np.random.default_rng(3)
    found = set()
    while len(found) < n:
        chosen = generator.choice(len(ELEMENTS), generator.integers(2, 4), replace=False)
        found.add(canonical("".join(f"{ELEMENTS[k]}{generator.integers(1, 5)}" for k in chosen)))
    return sorted(found)


def value(composition):
    """Return a property that a network can learn: the mean of a number per element."""
    found = amounts(composition)
    return sum(ELEMENTS.index(symbol) * n for symbol, n in found.items()) / sum(found.values())


def train_toy(folder: Path) -> BaseInputs:
    """Write joint table, features and two trained networks."""
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


def write_toy(folder: Path, out: Path) -> Path:
    """Write the file of the base and return it."""
    build_base("toy", Base.read(DECLARED), CFG, train_toy(folder), out, {"commit": "abc"})
    return out
