"""A network that waits at a gate before it is trained, so that a test can act while a training is under way."""

from pathlib import Path

from factories.tiny_project import Project

SOURCE = """import time
from pathlib import Path

import keras

from elemflow.training import interruption


def build(options, n_inputs, seed):
    gate = Path("gates") / "closed"
    if gate.exists() and seed >= options["first_seed"]:
        gate.with_name("reached").touch()
        while gate.exists() and not interruption.requested():
            time.sleep(0.02)
    inputs = keras.Input((n_inputs,))
    return keras.Model(inputs, keras.layers.Dense(1)(inputs))
"""


class Gate:
    """The gate of a project whose tiny network waits while it is closed.

    Args:
        folder: Folder of the project.
        first_seed: Seed of the first ensemble member that waits; members before it are trained.
    """

    def __init__(self, folder: Path, first_seed: int = 0):
        (folder / "gated.py").write_text(SOURCE, encoding="utf-8")
        spec = {"family": "custom", "file": "gated.py", "options": {"first_seed": first_seed}}
        Project(folder).declare("models/tiny_brnet", {"title": "Tiny network", "kind": "network", "spec": spec})
        # In a folder, since a file that the network names by its path is part of the digest of its code.
        gates = folder / "gates"
        gates.mkdir(exist_ok=True)
        self._gate, self._reached = gates / "closed", gates / "reached"
        self._gate.touch()

    def is_reached(self) -> bool:
        """Return whether a training waits, or has waited, at the gate."""
        return self._reached.exists()

    def open(self) -> None:
        """Let trainings go on."""
        self._gate.unlink()
