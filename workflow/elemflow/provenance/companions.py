"""Files that a Python file of the user's reads: modules next to it that it imports, and files that its texts name."""

import ast
from collections.abc import Iterator
from pathlib import Path

LONGEST = 200
"""Characters of the longest text that is tried as the name of a file."""


def companions(file: Path, project: Path) -> tuple[Path, ...]:
    """Return the files that a Python file reads, and those that they read in turn, sorted.

    A module counts if it lies in the folder of the file that imports it or in that of the project, a data file if a
    text in the code is its path from one of the two. A name that is put together when the code runs is not found.

    Args:
        file: The Python file; it is not among the files returned.
        project: Folder of the project.
    """
    found: dict[Path, None] = {file.resolve(): None}
    left = [file.resolve()]
    while left:
        path = left.pop()
        for each in _named(path, project):
            if each not in found:
                found[each] = None
                left += [each] if each.suffix == ".py" else []
    return tuple(sorted(path for path in found if path != file.resolve()))


def _named(path: Path, project: Path) -> Iterator[Path]:
    """Yield the files that the code of a Python file names."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):  # what is wrong is said where the file is checked
        return
    names = [name for node in ast.walk(tree) for name in _names(node)]
    for name in dict.fromkeys(names):
        for folder in (path.parent, project):
            try:
                place = (folder / name).resolve()
                if place.is_file():
                    yield place
            except (OSError, ValueError):  # a text that is no path
                continue


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and 0 < len(node.value) <= LONGEST:
        yield node.value
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        modules = [*filter(None, [base]), *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
    for module in modules:
        below = module.replace(".", "/")
        yield f"{below}.py"
        yield f"{below}/__init__.py"
