"""A small base on made-up properties."""

import numpy as np

from elemflow.chemistry.composition import amounts, canonical

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
