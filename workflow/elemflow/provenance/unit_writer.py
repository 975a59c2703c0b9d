"""The normalised text of one unit of code, with every reference to another unit replaced by a number.

It is that of the syntax tree without comments, docstrings, formatting, annotations of functions, and messages (of
`raise`, `assert` and logging).
"""

import ast
import contextlib
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from elemflow.provenance.python_syntax import (
    bound_names,
    is_documentation,
    is_logging,
    is_message,
    is_plain_method,
    is_private,
    is_type_checking,
    local_names,
)

if TYPE_CHECKING:
    from elemflow.provenance.code_units import Module

DOCUMENTING = {"description", "title", "examples"}
"""Arguments of a pydantic field that no value depends on."""

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


class UnitWriter:
    """Writes the text of one unit.

    Args:
        module: The module that it belongs to.
    """

    def __init__(self, module: "Module"):
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
            self.local = local_names(statement)
            self._statement(statement, is_member=is_member)
        text = hashlib.sha256("\n".join(self.tokens).encode()).hexdigest()
        return Unit(text, tuple(self.references), tuple(self.silent), frozenset(self.words), tuple(self.methods))

    def _body(self, statements: Iterable[ast.stmt], *, of_class: bool = False) -> None:
        self.depth += 1
        self.tokens.append("{")
        for statement in statements:
            if not is_documentation(statement) and not is_message(statement):
                self._statement(statement, is_member=of_class)
        self.tokens.append("}")
        self.depth -= 1

    def _statement(self, node: ast.stmt, *, is_member: bool = False) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass) or is_type_checking(node):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.Raise | ast.Assert) or (isinstance(node, ast.Expr) and is_logging(node.value)):
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
        self.tokens += ["class", "" if is_private(node.name) else node.name]
        for each in (*node.decorator_list, *node.bases, *node.keywords):
            self._node(each)
        body = node.body
        if self.depth == 0 and node.name in self.module.definitions and self.module.called_by_name(node.name):
            apart = [each for each in body if is_plain_method(each)]
            names = dict.fromkeys(name for each in apart for name in bound_names(each))
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
            self._refer(bound)

    def _refer(self, bound: Key | str) -> None:
        if isinstance(bound, Key):
            self.tokens.append(f"§{self.references.setdefault(bound, len(self.references))}")
        else:
            self.tokens.append(bound)

    def _attribute(self, node: ast.Attribute) -> None:
        key = self._key_of(node)
        if key is not None:
            self._refer(key)
            return
        self.tokens.append("Attribute")
        self._node(node.value)
        self._name_of_member(node.attr)
        self.words.add(node.attr)

    def _name_of_member(self, name: str) -> None:
        if name in self.module.private_members:
            self._refer(Key("", f".{name}"))
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
