"""Python source as units of code: what each definition of a module computes, and which other definitions it uses.

A unit is a top-level function, class or constant, a method that is called by name only, or what a module does when it
is imported. Where a definition lies, and what it is called, is not part of it; see `elemflow.provenance.unit_writer`.
"""

import ast
from functools import cache, cached_property
from pathlib import Path

from elemflow.provenance.python_syntax import (
    bound_names,
    has_effect,
    is_documentation,
    is_private,
    nodes_below,
    statements_below,
)
from elemflow.provenance.unit_writer import Key, Unit, UnitWriter

CALLED_BY_NAME = {
    *("object", "ABC", "Generic", "Protocol", "NamedTuple", "TypedDict", "Enum", "StrEnum", "IntEnum", "BaseModel"),
    *("Exception", "ValueError", "RuntimeError", "Warning"),
}
"""Base classes from outside whose own code calls no method of a subclass but special and decorated ones."""


class Package:
    """The modules of a package and of files outside it, read on demand.

    Args:
        root: Folder that holds the package.
        name: Name of the package.
    """

    def __init__(self, root: Path, name: str):
        self.root, self.name = root, name
        self._outside: dict[str, Path] = {}

    def add(self, path: Path) -> str:
        """Return the name under which a file outside the package is known."""
        name = f"file {path}"
        self._outside[name] = path
        return name

    @cache  # noqa: B019  one package per process
    def file_of(self, module: str) -> Path | None:
        """Return the file of a module; None if there is none."""
        if module in self._outside:
            return self._outside[module]
        if module.split(".", maxsplit=1)[0] != self.name:
            return None
        base = self.root.joinpath(*module.split("."))
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

    @cache  # noqa: B019  one package per process
    def module(self, name: str) -> "Module":
        """Return a module."""
        path = self.file_of(name)
        if path is None:
            raise FileNotFoundError(f"No module {name} below {self.root}.")
        return Module(self, name, ast.parse(path.read_text(encoding="utf-8")))

    def find(self, module: str, name: str) -> Key | None:
        """Return the unit that `from module import name` binds; None if the module is not of the package.

        A name that is not found stands for the whole module.
        """
        if self.file_of(f"{module}.{name}"):
            return Key(f"{module}.{name}", "*")
        if not self.file_of(module):
            return None
        found = self.module(module)
        if name in found.definitions:
            return Key(module, name)
        bound = found.scope.get(name)
        return bound if isinstance(bound, Key) else Key(module, "*")


class Module:
    """One module: its definitions, the names it knows, and what it does when it is imported."""

    def __init__(self, package: Package, name: str, tree: ast.Module):
        self.package, self.name = package, name
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.effects: list[ast.stmt] = []
        self._imports: list[ast.Import | ast.ImportFrom] = []
        self._statements = [each for each in tree.body if not is_documentation(each)]
        for statement in self._statements:
            self._sort(statement)
        for node in statements_below(self._statements):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._imports.append(node)

    def _sort(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            return
        names = list(bound_names(statement))
        for name in names:
            self.definitions.setdefault(name, []).append(statement)
        if not names or has_effect(statement):
            self.effects.append(statement)

    @cached_property
    def scope(self) -> dict[str, Key | str]:
        """What names mean here: units of the package, or a dotted name from outside."""
        found: dict[str, Key | str] = {}
        for node in self._imports:
            for alias in node.names:
                if isinstance(node, ast.Import):
                    bound = alias.asname or alias.name.split(".")[0]
                    whole = alias.name if alias.asname else bound
                    found[bound] = Key(whole, "*") if self.package.file_of(whole) else whole
                elif node.module:
                    key = self.package.find(node.module, alias.name)
                    found[alias.asname or alias.name] = key or f"{node.module}.{alias.name}"
        return found | {name: Key(self.name, name) for name in self.definitions}

    @cached_property
    def imported(self) -> list[str]:
        """Modules of the package that are imported here, whether at once or when a function is called."""
        names: dict[str, None] = {}
        for node in self._imports:
            module = getattr(node, "module", None)
            for alias in node.names:
                for name in (alias.name,) if module is None else (module, f"{module}.{alias.name}"):
                    if self.package.file_of(name):
                        names[name] = None
        return list(names)

    @cached_property
    def private_members(self) -> set[str]:
        """Private attributes and methods that classes of this module define."""
        found: set[str] = set()
        for statement in statements_below(self._statements):
            for node in nodes_below(statement) if isinstance(statement, ast.ClassDef) else ():
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    found.add(node.attr)
                elif isinstance(node, ast.ClassDef):
                    found.update(name for each in node.body for name in bound_names(each))
        return {name for name in found if is_private(name)}

    @cache  # noqa: B019  one package per process
    def unit(self, name: str) -> Unit:
        """Return a unit by the name in its key."""
        if name == "*":
            names = dict.fromkeys((*self.definitions, "!"))
            methods = [key for each in names for key in self.unit(each).methods]
            return Unit("*", tuple(Key(self.name, each) for each in names) + tuple(methods))
        if name == "!":
            return UnitWriter(self).write(self.effects)
        owner, _, method = name.partition(".")
        statements = self.definitions[owner]
        if not method:
            return UnitWriter(self).write(statements)
        [owning] = [each for each in statements if isinstance(each, ast.ClassDef)]
        return UnitWriter(self).write([each for each in owning.body if method in bound_names(each)], is_member=True)

    @cache  # noqa: B019  one package per process
    def called_by_name(self, class_name: str) -> bool:
        """Return whether nobody but callers in the package calls the methods of a class."""
        nodes = self.definitions[class_name]
        if len(nodes) != 1 or not isinstance(nodes[0], ast.ClassDef):
            return False
        return all(self._is_plain_base(base) for base in nodes[0].bases)

    def _is_plain_base(self, base: ast.expr) -> bool:
        if isinstance(base, ast.Subscript):
            base = base.value
        name = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
        bound = self.scope.get(name)
        if isinstance(bound, Key) and isinstance(base, ast.Name):
            found = self.package.module(bound.module)
            return bound.name in found.definitions and found.called_by_name(bound.name)
        return (bound.rpartition(".")[2] if isinstance(bound, str) else name) in CALLED_BY_NAME
