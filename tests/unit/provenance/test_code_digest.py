import pytest

from elemflow.provenance.code_digest import _read, code_digest, import_closure, normalised_source

SCRIPT = '"""Entry."""\nfrom elemflow.a import f\nprint(f())\n'
A = "from elemflow.sub import b\n\ndef f():\n    return b.VALUE\n"
B = "VALUE = 1\n"
UNUSED = "VALUE = 1\n"


@pytest.fixture
def tree(tmp_path):
    package = tmp_path / "elemflow"
    (package / "sub").mkdir(parents=True)
    for name, text in {"__init__": "", "a": A, "unused": UNUSED, "sub/__init__": "", "sub/b": B}.items():
        (package / f"{name}.py").write_text(text)
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def digest(tree, *modules, files=()):
    for cached in (code_digest, normalised_source, _read):
        cached.cache_clear()
    return code_digest(tree / "script.py", tree, modules, files)


def test_closure_follows_imports_of_modules_and_names(tree):
    found = import_closure(tree / "script.py", tree)
    assert set(found) == {"elemflow.a", "elemflow.sub", "elemflow.sub.b"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("script.py", SCRIPT.replace("f())", "f(), 2)")),
        ("elemflow/a.py", A.replace("b.VALUE", "b.VALUE + 1")),
        ("elemflow/sub/b.py", "VALUE = 2\n"),
    ],
)
def test_an_edit_in_the_closure_changes_the_digest(tree, file, text):
    before = digest(tree)
    (tree / file).write_text(text)
    assert digest(tree) != before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("script.py", SCRIPT.replace("Entry.", "Another docstring.")),
        ("elemflow/a.py", "# a comment\n" + A.replace("    return", "    # why\n\n    return")),
        ("elemflow/a.py", A.replace("def f():", 'def f():\n    """Say it."""')),
        ("elemflow/sub/b.py", "VALUE=1"),
        ("elemflow/unused.py", "VALUE = 2\n"),
    ],
)
def test_comments_docstrings_formatting_and_other_modules_do_not(tree, file, text):
    before = digest(tree)
    (tree / file).write_text(text)
    assert digest(tree) == before


def test_a_module_named_by_the_config_counts(tree):
    before = digest(tree, "elemflow.unused")
    assert before != digest(tree)
    (tree / "elemflow/unused.py").write_text("VALUE = 2\n")
    assert digest(tree, "elemflow.unused") != before


def test_a_file_of_the_user_counts_with_what_it_imports(tree):
    own = tree / "net.py"
    own.write_text('"""Mine."""\nfrom elemflow.unused import VALUE\n')
    digests = {digest(tree), digest(tree, files=(own,))}
    (tree / "elemflow/unused.py").write_text("VALUE = 2\n")
    digests.add(digest(tree, files=(own,)))
    own.write_text("VALUE = 3\n")
    digests.add(digest(tree, files=(own,)))
    assert len(digests) == 4
    own.write_text("VALUE = 3  # a comment\n")
    assert digest(tree, files=(own,)) in digests


def test_a_module_that_does_not_exist_is_an_error(tree):
    with pytest.raises(FileNotFoundError, match=r"elemflow\.nowhere"):
        digest(tree, "elemflow.nowhere")
