"""What statements define, and whether they act."""

import ast

import pytest

from elemflow.provenance.python_syntax import bound_names, has_effect, is_message, is_plain_method, local_names


def statement(text: str) -> ast.stmt:
    [found] = ast.parse(text).body
    return found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(): pass", ["f"]),
        ("a, b = 1, 2", ["a", "b"]),
        ("if x:\n    a = 1\nelse:\n    b = 2", ["a", "b"]),
        ("print(a)", []),
    ],
)
def test_names_that_a_statement_defines(text: str, names: list[str]) -> None:
    assert list(bound_names(statement(text))) == names


@pytest.mark.parametrize(
    ("text", "acts"),
    [
        ("@register\ndef f(): pass", True),
        ("@cache\ndef f(): pass", False),
        ("a.b = 1", True),
        ("a = 1", False),
        ("a: int = 1", False),
    ],
)
def test_what_a_module_does_when_it_is_imported(text: str, acts: bool) -> None:
    assert has_effect(statement(text)) is acts


def test_a_statement_that_only_logs_computes_nothing() -> None:
    assert is_message(statement("log.info('%s', name)"))
    assert not is_message(statement("log.info('%s', next(names))"))
    assert not is_message(statement("print(name)"))


def test_special_and_decorated_methods_are_called_by_others() -> None:
    assert is_plain_method(statement("def f(self): pass"))
    assert is_plain_method(statement("@property\ndef f(self): pass"))
    assert not is_plain_method(statement("def __len__(self): pass"))
    assert not is_plain_method(statement("@field_validator('a')\ndef f(cls, v): pass"))


def test_names_inside_a_definition_are_its_own() -> None:
    text = "def f(a):\n    global b\n    b = c = a\n    def g(): pass"
    assert local_names(statement(text)) == {"a", "c", "g"}
