"""Facts about statements of Python: what they define, whether they act when imported, only log, or only document."""

import ast
from collections.abc import Iterable, Iterator

LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log", "warn"}

LOGGERS = {"log", "logger", "logging", "warnings"}

PURE_DECORATORS = {
    *("property", "staticmethod", "classmethod", "cached_property", "cache", "lru_cache", "contextmanager"),
    *("dataclass", "abstractmethod", "overload", "override", "final", "wraps", "runtime_checkable", "total_ordering"),
}
"""Decorators that do nothing but to change what they decorate."""

_SCOPES = {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef}


def is_private(name: str) -> bool:
    """Return whether a name is private, and not a special one of Python."""
    return name.startswith("_") and not name.endswith("__")


def is_documentation(node: ast.stmt) -> bool:
    """Return whether a statement only documents: a docstring, or what only a type checker reads."""
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) or is_type_checking(node)


def is_type_checking(node: ast.stmt) -> bool:
    """Return whether only a type checker reads a statement."""
    test = node.test if isinstance(node, ast.If) else None
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING"


def is_logging(node: ast.expr) -> bool:
    """Return whether an expression logs or warns."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOGGING):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id in LOGGERS


def is_message(node: ast.stmt) -> bool:
    """Return whether a statement only logs, and computes nothing for that."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and is_logging(node.value)):
        return False
    given = (*node.value.args, *(keyword.value for keyword in node.value.keywords))
    acts = (ast.Call, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    return not any(isinstance(each, acts) for part in given for each in ast.walk(part))


def _decorator_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_plain_method(node: ast.stmt) -> bool:
    """Return whether a statement of a class is a method that runs only if it is called by its name."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("model_"):
        return False
    if node.name.startswith("_") and node.name.endswith("_"):
        return False
    return all(
        _decorator_name(each) in PURE_DECORATORS or _decorator_name(each) == "setter" for each in node.decorator_list
    )


def bound_names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module or class defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name) and _stores(each))
    elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
        yield from (name for each in statements_below([node]) if each is not node for name in bound_names(each))


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def has_effect(node: ast.stmt) -> bool:
    """Return whether a definition of a module does more, when it is imported, than to bind a name."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return any(_decorator_name(each) not in PURE_DECORATORS for each in node.decorator_list)
    if isinstance(node, ast.Assign):
        return any(not isinstance(target, ast.Name | ast.Tuple) for target in node.targets)
    return not isinstance(node, ast.AnnAssign)


def statements_below(nodes: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and all statements below them, but for those that only a type checker reads."""
    left: list[ast.AST] = []
    left.extend([*nodes][::-1])
    while left:
        node = left.pop()
        if isinstance(node, ast.stmt):
            if is_type_checking(node):
                continue
            yield node
        left.extend(child for child in list(ast.iter_child_nodes(node))[::-1] if not isinstance(child, ast.expr))


def nodes_below(root: ast.AST) -> Iterator[ast.AST]:
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


def local_names(statement: ast.stmt) -> set[str]:
    """Return the names that a definition binds inside itself."""
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return set()
    found: set[str] = set()
    outside: set[str] = set()
    for node in nodes_below(statement):
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
