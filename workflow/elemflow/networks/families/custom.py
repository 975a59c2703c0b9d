"""A network of the user's own: a function in a Python file that the model file names."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from elemflow.core.errors import ConfigError, nearest
from elemflow.core.places import find
from elemflow.networks.spec import NetworkSpec

if TYPE_CHECKING:
    import keras


class Custom(NetworkSpec):
    """A network that a function in a user's file builds."""

    family: Literal["custom"] = Field(description="What a function in a Python file of your own builds.")
    file: str = Field(description="Python file of your own; relative paths start at the folder of the project.")
    function: str = Field(
        "build", description="Function in the file, called with (options, n_inputs, seed); returns a keras.Model."
    )
    options: dict[str, Any] = Field({}, description="Handed to the function as they are.")

    @property
    def source_file(self) -> str:
        """The user's file."""
        return self.file

    def check(self, where: str, root: Path) -> None:
        """Check that the file has the function; see `NetworkSpec.check`."""
        path = find(self.file, root)
        if not path.is_file():
            raise ConfigError(f"{where}.file: no file {self.file} in {root}.")
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}.file: {self.file} is no valid Python. {error}") from None
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        if self.function not in functions:
            raise ConfigError(
                f"{where}.function: {self.file} defines no function '{self.function}' at its top. "
                f"Found: {', '.join(functions) or 'none'}.{nearest(self.function, functions)}"
            )

    def build(self, n_inputs: int, seed: int) -> keras.Model:
        """Call the user's function; see `NetworkSpec.build`.

        Initialisers and dropout layers that have no seed of their own follow `seed` too.

        Raises:
            ConfigError: The function returns something other than a model from `(batch, n_inputs)` to `(batch, 1)`.
        """
        import keras

        keras.utils.set_random_seed(seed)
        model: keras.Model = self.load_function()(self.options, n_inputs, seed)
        shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
        if shapes != ((None, n_inputs), (None, 1)):
            found = f"a model from {shapes[0]} to {shapes[1]}" if isinstance(model, keras.Model) else repr(model)
            raise ConfigError(
                f"{self.file}: {self.function}(options, n_inputs, seed) returned {found}; expected a keras.Model "
                f"(functional, or sequential with an Input) from (None, {n_inputs}) to (None, 1)."
            )
        return model

    def load_function(self) -> Callable[..., Any]:
        """Import the user's file and return the function named."""
        function: Callable[..., Any] = _run(find(self.file))[self.function]
        return function

    def register(self) -> None:
        """Import the user's file, which registers the Keras classes in it."""
        self.load_function()


@cache
def _run(path: Path) -> dict[str, Any]:
    return runpy.run_path(str(path), run_name=path.stem)
