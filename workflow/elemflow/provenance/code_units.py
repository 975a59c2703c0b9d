"""Python source as units of code: what each definition of a module computes, and which other definitions it uses.

A unit is a top-level function, class or constant, a method that is called by name only, or what a module does when it
is imported. Its text is that of the syntax tree without comments, docstrings, formatting, annotations of functions,
and messages (of `raise`, `assert` and logging), with every reference to another unit replaced by a number; so where a
definition lies, and what it is called, is not part of it.
"""

import ast
import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log", "warn"}
LOGGERS = {"log", "logger", "logging", "warnings"}
DOCUMENTING = {"description", "title", "examples"}
"""Arguments of a pydantic field that no value depends on."""
PURE_DECORATORS = {
    *("property", "staticmethod", "classmethod", "cached_property", "cache", "lru_cache", "contextmanager"),
    *("dataclass", "abstractmethod", "overload", "override", "final", "wraps", "runtime_checkable", "total_ordering"),
}
"""Decorators that do nothing but to change what they decorate."""
CALLED_BY_NAME = {
    *("object", "ABC", "Generic", "Protocol", "NamedTuple", "TypedDict", "Enum", "StrEnum", "IntEnum", "BaseModel"),
    *("Exception", "ValueError", "RuntimeError", "Warning"),
}
"""Base classes from outside whose own code calls no method of a subclass but special and decorated ones."""
SKIPPED_FIELDS = {"ctx", "kind", "type_comment", "type_ignores", "annotation", "returns", "lineno"}


class Key(NamedTuple):
    """Name of a unit: a definition `name` of a module, a method `Class.name`, or `*`, all of the module.

    The names `!` and `.<attribute>` are those of the effects of an import, and of a private attribute.
    """

    module: str
    name: str


class Unit(NamedTuple):
    """One piece of code.

    Attributes:
        text: Digest of its normalised text, in which references are numbered in order of appearance.
        references: What the numbers stand for.
        silent: Units that a name may stand for that is also a local one.
        words: Attributes and words in strings: methods that it may call.
        methods: Keys of the methods of a class that count only if they are called.
    """

    text: str
    references: tuple[Key, ...] = ()
    silent: tuple[Key, ...] = ()
    words: frozenset[str] = frozenset()
    methods: tuple[Key, ...] = ()


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
        self._statements = [each for each in tree.body if not _is_documentation(each)]
        for statement in self._statements:
            self._sort(statement)
        for node in _statements(self._statements):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._imports.append(node)

    def _sort(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            return
        names = list(_bound(statement))
        for name in names:
            self.definitions.setdefault(name, []).append(statement)
        if not names or _has_effect(statement):
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
        for statement in _statements(self._statements):
            for node in _nodes(statement) if isinstance(statement, ast.ClassDef) else ():
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    found.add(node.attr)
                elif isinstance(node, ast.ClassDef):
                    found.update(name for each in node.body for name in _bound(each))
        return {name for name in found if _is_private(name)}

    @cache  # noqa: B019  one package per process
    def unit(self, name: str) -> Unit:
        """Return a unit by the name in its key."""
        if name == "*":
            names = dict.fromkeys((*self.definitions, "!"))
            methods = [key for each in names for key in self.unit(each).methods]
            return Unit("*", tuple(Key(self.name, each) for each in names) + tuple(methods))
        if name == "!":
            return _Writer(self).write(self.effects)
        owner, _, method = name.partition(".")
        statements = self.definitions[owner]
        if not method:
            return _Writer(self).write(statements)
        [owning] = [each for each in statements if isinstance(each, ast.ClassDef)]
        return _Writer(self).write([each for each in owning.body if method in _bound(each)], is_member=True)

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


class _Writer:
    """Writes the text of one unit."""

    def __init__(self, module: Module):
        self.module = module
        self.tokens: list[str] = []
        self.references: dict[Key, int] = {}
        self.silent: dict[Key, None] = {}
        self.words: set[str] = set()
        self.methods: list[Key] = []
        self.local: set[str] = set()
        self.depth = 0
        self.in_message = False

    def write(self, statements: Iterable[ast.stmt], *, is_member: bool = False) -> Unit:
        """Return the unit of some statements."""
        self.depth = 1 if is_member else 0
        for statement in statements:
            self.local = _local_names(statement)
            self._statement(statement, is_member=is_member)
        text = hashlib.sha256("\n".join(self.tokens).encode()).hexdigest()
        return Unit(text, tuple(self.references), tuple(self.silent), frozenset(self.words), tuple(self.methods))

    def _body(self, statements: Iterable[ast.stmt], *, of_class: bool = False) -> None:
        self.depth += 1
        self.tokens.append("{")
        for statement in statements:
            if not _is_documentation(statement) and not _is_message(statement):
                self._statement(statement, is_member=of_class)
        self.tokens.append("}")
        self.depth -= 1

    def _statement(self, node: ast.stmt, *, is_member: bool = False) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass) or _is_type_checking(node):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.Raise | ast.Assert) or (isinstance(node, ast.Expr) and _is_logging(node.value)):
            self._without_strings(node)
        elif isinstance(node, ast.AnnAssign):
            self._annotated(node, is_field=is_member)
        elif isinstance(node, ast.Assign) and self.depth == 0:
            # The name of a constant is not part of it.
            names = [f"{len(t.elts)}" if isinstance(t, ast.Tuple) else type(t).__name__ for t in node.targets]
            self.tokens += ["constant", *names]
            for target in node.targets:
                if not isinstance(target, ast.Name):
                    self._node(target)
            self._node(node.value)
        else:
            self._node(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.tokens.append(type(node).__name__)
        if self.depth:
            self._name_of_member(node.name)
        for decorator in node.decorator_list:
            self._node(decorator)
        self._node(node.args)
        self._body(node.body)

    def _class(self, node: ast.ClassDef) -> None:
        self.tokens += ["class", "" if _is_private(node.name) else node.name]
        for each in (*node.decorator_list, *node.bases, *node.keywords):
            self._node(each)
        body = node.body
        if self.depth == 0 and node.name in self.module.definitions and self.module.called_by_name(node.name):
            apart = [each for each in body if _is_plain_method(each)]
            names = dict.fromkeys(name for each in apart for name in _bound(each))
            self.methods += [Key(self.module.name, f"{node.name}.{name}") for name in names]
            body = [each for each in body if each not in apart]
        self._body(body, of_class=True)

    def _annotated(self, node: ast.AnnAssign, *, is_field: bool) -> None:
        if not is_field:
            if node.value is not None:
                self.tokens.append("constant" if self.depth == 0 else "Assign")
                if self.depth:
                    self._node(node.target)
                self._node(node.value)
            return
        self.tokens.append("field")
        self._node(node.target)
        self._annotation(node.annotation)
        if node.value is not None:
            self._node(node.value)

    def _annotation(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            with contextlib.suppress(SyntaxError):
                node = ast.parse(node.value, mode="eval").body
        self._node(node)

    def _without_strings(self, node: ast.stmt) -> None:
        """Write a statement without what it says."""
        self.tokens.append(type(node).__name__)
        parts: list[ast.expr | None]
        if isinstance(node, ast.Assert):
            parts = [node.test]
        elif isinstance(node, ast.Raise):
            parts = [node.exc, node.cause]
        else:
            assert isinstance(node, ast.Expr)  # noqa: S101  see the caller
            parts = [node.value]
        self.in_message = True
        for part in parts:
            if part is not None:
                self._node(part)
        self.in_message = False

    def _node(self, node: ast.AST) -> None:
        kind = type(node)  # compared with itself: hundreds of thousands of nodes are written in each job
        if kind is ast.Name:
            self._name(node.id)  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            self._attribute(node)  # type: ignore[arg-type]
        elif kind is ast.Constant:
            self._constant(node.value)  # type: ignore[attr-defined]
        elif kind is ast.Dict:
            self._dict(node)  # type: ignore[arg-type]
        elif kind is ast.JoinedStr and self.in_message:
            return
        elif isinstance(node, ast.stmt) and kind not in _PLAIN:
            self._statement(node)
        else:
            self._children(node)

    def _children(self, node: ast.AST) -> None:
        self.tokens.append(type(node).__name__)
        field_of_model = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field"
        for name, value in ast.iter_fields(node):
            if name in SKIPPED_FIELDS or value is None or value == []:
                continue
            self.tokens.append(name)
            if isinstance(value, ast.AST):
                self._node(value)
            elif not isinstance(value, list):
                self.tokens.append(repr(value))
            elif isinstance(value[0], ast.stmt):
                self._body(value)
            else:
                for each in value:
                    if field_of_model and isinstance(each, ast.keyword) and each.arg in DOCUMENTING:
                        continue
                    if isinstance(each, ast.AST):
                        self._node(each)
                    else:
                        self.tokens.append(repr(each))
        self.tokens.append(";")

    def _name(self, name: str) -> None:
        bound = self.module.scope.get(name)
        if bound is None:
            self.tokens.append(name)
        elif name in self.local:
            self.tokens.append(name)
            if isinstance(bound, Key):
                self.silent[bound] = None
        else:
            self._bound(bound)

    def _bound(self, bound: Key | str) -> None:
        if isinstance(bound, Key):
            self.tokens.append(f"§{self.references.setdefault(bound, len(self.references))}")
        else:
            self.tokens.append(bound)

    def _attribute(self, node: ast.Attribute) -> None:
        key = self._key_of(node)
        if key is not None:
            self._bound(key)
            return
        self.tokens.append("Attribute")
        self._node(node.value)
        self._name_of_member(node.attr)
        self.words.add(node.attr)

    def _name_of_member(self, name: str) -> None:
        if name in self.module.private_members:
            self._bound(Key("", f".{name}"))
        else:
            self.tokens.append(name)

    def _key_of(self, node: ast.expr) -> Key | None:
        """Return the unit that a dotted name stands for."""
        if isinstance(node, ast.Name):
            bound = None if node.id in self.local else self.module.scope.get(node.id)
            return bound if isinstance(bound, Key) else None
        if not isinstance(node, ast.Attribute):
            return None
        base = self._key_of(node.value)
        return self.module.package.find(base.module, node.attr) if base and base.name == "*" else None

    def _constant(self, value: object) -> None:
        if isinstance(value, str):
            if self.in_message:
                return
            if self.module.package.file_of(value):
                self.tokens.append("module")
                return
            if value.isidentifier():
                self.words.add(value)
        self.tokens.append(repr(value))

    def _dict(self, node: ast.Dict) -> None:
        """Write a mapping without its entries that name modules, which count where they are used."""
        self.tokens.append("Dict")
        for key, value in zip(node.keys, node.values, strict=True):
            text = value.value if isinstance(value, ast.Constant) else None
            if isinstance(text, str) and self.module.package.file_of(text):
                continue
            if key is not None:
                self._node(key)
            self._node(value)
        self.tokens.append(";")


_PLAIN = {ast.Return, ast.Delete, ast.AugAssign, ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith,
          ast.Match, ast.Try, ast.TryStar, ast.Global, ast.Nonlocal, ast.Expr, ast.Break, ast.Continue,
          ast.Assign}  # fmt: skip

_SCOPES = {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _is_documentation(node: ast.stmt) -> bool:
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) or _is_type_checking(node)


def _is_type_checking(node: ast.stmt) -> bool:
    test = node.test if isinstance(node, ast.If) else None
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING"


def _is_logging(node: ast.expr) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOGGING):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id in LOGGERS


def _is_message(node: ast.stmt) -> bool:
    """Return whether a statement only logs, and computes nothing for that."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_logging(node.value)):
        return False
    given = (*node.value.args, *(keyword.value for keyword in node.value.keywords))
    acts = (ast.Call, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    return not any(isinstance(each, acts) for part in given for each in ast.walk(part))


def _decorator_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_plain_method(node: ast.stmt) -> bool:
    """Return whether a statement of a class is a method that runs only if it is called by its name."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("model_"):
        return False
    if node.name.startswith("_") and node.name.endswith("_"):
        return False
    return all(
        _decorator_name(each) in PURE_DECORATORS or _decorator_name(each) == "setter" for each in node.decorator_list
    )


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module or class defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name) and _stores(each))
    elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
        yield from (name for each in _statements([node]) if each is not node for name in _bound(each))


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _has_effect(node: ast.stmt) -> bool:
    """Return whether a definition of a module does more, when it is imported, than to bind a name."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return any(_decorator_name(each) not in PURE_DECORATORS for each in node.decorator_list)
    if isinstance(node, ast.Assign):
        return any(not isinstance(target, ast.Name | ast.Tuple) for target in node.targets)
    return not isinstance(node, ast.AnnAssign)


def _statements(nodes: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and all statements below them, but for those that only a type checker reads."""
    left: list[ast.AST] = []
    left.extend([*nodes][::-1])
    while left:
        node = left.pop()
        if isinstance(node, ast.stmt):
            if _is_type_checking(node):
                continue
            yield node
        left.extend(child for child in list(ast.iter_child_nodes(node))[::-1] if not isinstance(child, ast.expr))


def _nodes(root: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, as `ast.walk` does in another order, in half its time."""
    left = [root]
    while left:
        node = left.pop()
        yield node
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                left += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                left.append(value)


def _local_names(statement: ast.stmt) -> set[str]:
    """Return the names that a definition binds inside itself."""
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return set()
    found: set[str] = set()
    outside: set[str] = set()
    for node in _nodes(statement):
        kind = type(node)
        if kind is ast.arg:
            found.add(node.arg)  # type: ignore[attr-defined]
        elif kind is ast.Name:
            if type(node.ctx) is ast.Store:  # type: ignore[attr-defined]
                found.add(node.id)  # type: ignore[attr-defined]
        elif kind in _SCOPES and node is not statement:
            found.add(node.name)  # type: ignore[attr-defined]
        elif kind is ast.Global:
            outside.update(node.names)  # type: ignore[attr-defined]
    return found - outside
