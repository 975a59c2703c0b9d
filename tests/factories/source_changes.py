"""Changes to the code of a copied project that do not depend on how its source is written."""

import ast
from collections.abc import Iterable
from pathlib import Path


def wrap_function(path: Path, name: str, result: str = "original(*args, **kwargs)") -> None:
    """Append to a module another definition of a function, which calls the first.

    Args:
        path: The module.
        name: A function of it.
        result: Expression of what the new function returns; `original` is the old one.
    """
    text = path.read_text(encoding="utf-8")
    functions = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert name in functions, f"{path} defines no function {name}"
    held = f"_before_the_change_of_{name}"
    new = f"\n\n{held} = {name}\n\n\ndef {name}(*args, **kwargs):\n    original = {held}\n    return {result}\n"
    path.write_text(text + new, encoding="utf-8")


def restyle(paths: Iterable[Path]) -> None:
    """Rewrite modules without comments and docstrings, in another format, with other messages and private names."""
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        private = {
            node.name: f"{node.name}_by_another_name"
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("_") and not node.name.endswith("_")
        }
        path.write_text("# restyled\n" + ast.unparse(_Restyled(private).visit(tree)) + "\n", encoding="utf-8")


class _Restyled(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]):
        self.names = names

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name in self.names and node.col_offset == 0:
            node.name = self.names[node.name]
        _drop_docstring(node)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        _drop_docstring(node)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                each.value = each.value.upper()
        return self.generic_visit(node)


def _drop_docstring(node: ast.FunctionDef | ast.ClassDef) -> None:
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]


def rename_module(root: Path, old: str, new: str) -> None:
    """Rename a module of the package, and every mention of it.

    Args:
        root: Folder of the copied project.
        old: Dotted name.
        new: Dotted name.
    """
    places = [root.joinpath("workflow", *name.split(".")).with_suffix(".py") for name in (old, new)]
    places[0].rename(places[1])
    for path in [*(root / "workflow").rglob("*.py"), *(root / "scripts").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        parent, _, name = old.rpartition(".")
        new_parent, _, new_name = new.rpartition(".")
        changed = text.replace(old, new).replace(
            f"from {parent} import {name}\n", f"from {new_parent} import {new_name} as {name}\n"
        )
        if changed != text:
            path.write_text(changed, encoding="utf-8")
