"""Digest of the code behind a job: its script and every elemflow module that the script imports.

Passed to rules as a parameter in place of Snakemake's `code` trigger, it makes an edit rerun exactly the jobs that use
the edited code; comments, docstrings, formatting and file times do not count.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "elemflow"
# See their docstrings.
UNDIGESTED = {
    "elemflow.config.kinds",
    "elemflow.provenance.energy",
    "elemflow.provenance.environment",
    "elemflow.training.packing",
}


@cache
def code_digest(script: Path, package_root: Path, modules: tuple[str, ...] = (), files: tuple[Path, ...] = ()) -> str:
    """Return 16 hexadecimal digits that identify what `script` computes.

    Args:
        script: The entry script.
        package_root: Folder that holds the package.
        modules: Names of modules that the script imports by name from the config.
        files: Further Python files that the config makes the script run.

    Returns:
        Digest over the sources of the script and its import closure, without comments and docstrings.
    """
    digest = hashlib.sha256()
    closure: dict[str, Path] = {}
    for path in (script, *files):
        digest.update(f"{path.name}\n{normalised_source(path)}\n".encode())
        closure |= import_closure(path, package_root, modules)
    for name, path in sorted(closure.items()):
        digest.update(f"{name}\n{normalised_source(path)}\n".encode())
    return digest.hexdigest()[:16]


def import_closure(script: Path, package_root: Path, modules: tuple[str, ...] = ()) -> dict[str, Path]:
    """Return the package's modules that `script` and `modules` import, directly or not: name -> file.

    Raises:
        FileNotFoundError: One of `modules` is no module of the package.
    """
    found: dict[str, Path] = {}
    names = [(name, True) for name in modules] + [(name, False) for name in _imports(script)]
    while names:
        name, needed = names.pop()
        path = _module_file(name, package_root)
        if path is None:
            if needed:
                raise FileNotFoundError(f"No module {name} below {package_root}.")
            continue  # `from elemflow.x import function` also asks for elemflow.x.function
        if name in found or name in UNDIGESTED:
            continue
        found[name] = path
        names.extend((imported, False) for imported in _imports(path))
    return found


@cache
def normalised_source(path: Path) -> str:
    """Return the source without comments, docstrings and formatting."""
    return _read(path)[0]


def _imports(path: Path) -> tuple[str, ...]:
    return _read(path)[1]


@cache
def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the normalised source of a file, and what of the package it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree), tuple(sorted(name for name in names if name.split(".")[0] == PACKAGE))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the tree and every statement below it; expressions, most of the nodes, hold none."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        yield node
        left.extend(child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr))


def _module_file(name: str, package_root: Path) -> Path | None:
    base = package_root.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None
