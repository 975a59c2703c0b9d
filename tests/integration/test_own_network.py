"""A network of the user's own, from the config to its predictions."""

import pandas as pd
import pytest

pytestmark = pytest.mark.workflow

NETWORK = """import keras

def build(options, n_inputs, seed):
    inputs = keras.Input((n_inputs,))
    x = keras.layers.Dense(options["width"], activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(x))
"""
MODEL = {
    "title": "Own",
    "kind": "network",
    "spec": {"family": "custom", "file": "nets/own.py", "options": {"width": 4}},
}
RUN = "results/runs/tiny/seebeck/ef/own/tiny/predictions.parquet"


def test_an_edit_of_the_file_reruns_its_runs(fresh):
    (fresh.folder / "nets").mkdir()
    (fresh.folder / "nets/own.py").write_text(NETWORK)
    fresh.declare("models/own", MODEL)
    fresh.edit("config/studies/tiny.yaml", "tiny_brnet", "own")
    fresh.run(RUN)
    assert len(pd.read_parquet(fresh.folder / RUN)) > 0
    fresh.edit("nets/own.py", "    inputs =", "    # a comment\n    inputs =")
    assert "train_model" not in fresh.planned("--nocolor", RUN)
    fresh.edit("nets/own.py", '"relu"', '"tanh"')
    assert "train_model" in fresh.planned("--nocolor", RUN)
    fresh.edit("nets/own.py", "def build", "def biuld")
    assert "defines no function 'build' at its top. Found: biuld." in fresh.run("--dry-run", expect=1)
