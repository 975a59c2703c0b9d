"""A network of the user's own: a function in a Python file that the model file names."""

import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras

from elemflow.config.model import CustomSpec
from elemflow.core.errors import ConfigError

PROJECT = Path(__file__).resolve().parents[3]


def build(spec: CustomSpec, n_inputs: int, seed: int) -> keras.Model:
    """Call the user's function; see `elemflow.networks.build.build_network`.

    Initialisers and dropout layers that have no seed of their own follow `seed` too.

    Raises:
        ConfigError: The function returns something other than a model from `(batch, n_inputs)` to `(batch, 1)`.
    """
    keras.utils.set_random_seed(seed)
    model = load_function(spec)(spec.options, n_inputs, seed)
    shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if shapes != ((None, n_inputs), (None, 1)):
        found = f"a model from {shapes[0]} to {shapes[1]}" if isinstance(model, keras.Model) else repr(model)
        raise ConfigError(
            f"{spec.file}: {spec.function}(options, n_inputs, seed) returned {found}; expected a keras.Model "
            f"(functional, or sequential with an Input) from (None, {n_inputs}) to (None, 1)."
        )
    return model


def load_function(spec: CustomSpec) -> Callable[..., keras.Model]:
    """Import the user's file, which also registers the Keras classes in it, and return the function named."""
    return _run(PROJECT / spec.file)[spec.function]


@cache
def _run(path: Path) -> dict[str, Any]:
    return runpy.run_path(str(path), run_name=path.stem)
