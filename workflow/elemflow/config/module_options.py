"""Kinds whose keys a module declares in a class `Options`, read without importing the module.

The modules import pandas, scikit-learn and more, which a plan does not need: of their text only the class `Options`
runs, with the definitions and imports that its fields are made of.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from elemflow.core.errors import ConfigError

OPTIONS = "Options"


@cache
def read_options(path: Path) -> type[BaseModel]:
    """Return the class `Options` of a module, with its fields and without its methods.

    Raises:
        ConfigError: The module cannot be read, or the fields need what it computes.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = {name: statement for statement in tree.body for name in _names_of(statement)}
        needed = _needed(defined, OPTIONS)
        body = [_without_methods(statement) for statement in tree.body if statement in needed]
        space: dict[str, Any] = {"__name__": path.stem}
        exec(compile(ast.Module(body, []), str(path), "exec", dont_inherit=True), space)  # noqa: S102  a file of ours
    except (SyntaxError, NameError, ImportError, TypeError) as error:
        raise ConfigError(f"{path}: the fields of its class `{OPTIONS}` cannot be read: {error}.") from None
    options: type[BaseModel] = space[OPTIONS]
    return options


def _needed(defined: dict[str, ast.stmt], name: str) -> list[ast.stmt]:
    """Return the statements of a module that a definition is made of, itself included."""
    found: list[ast.stmt] = []
    left = [name]
    while left:
        statement = defined.get(left.pop())
        if statement is None or statement in found:
            continue
        found.append(statement)
        nodes = ast.walk(_without_methods(statement))
        left += [node.id for node in nodes if isinstance(node, ast.Name)]
    return found


def _names_of(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module defines."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id


def _without_methods(statement: ast.stmt) -> ast.stmt:
    if not isinstance(statement, ast.ClassDef):
        return statement
    kept = [each for each in statement.body if not isinstance(each, ast.FunctionDef)]
    plain = ast.ClassDef(
        statement.name, statement.bases, statement.keywords, kept or [ast.Pass()], statement.decorator_list
    )
    return ast.fix_missing_locations(ast.copy_location(plain, statement))
