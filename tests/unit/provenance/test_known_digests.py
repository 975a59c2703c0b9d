import os
from collections.abc import Callable
from pathlib import Path

import pytest

from elemflow.provenance.code_digest import code_digest, forget
from elemflow.provenance.known_digests import KEPT_STATES, KnownDigests, key_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "workflow/elemflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("def f(x):\n    return x + 1\n")
    (package / "templates").mkdir()
    (package / "templates/page.html").write_text("one")
    (tmp_path / "script.py").write_text("from elemflow.a import f\nprint(f(1))\n")
    (tmp_path / "own.py").write_text("VALUE = 1\n")
    return tmp_path


def take(project: Path, *files: Path) -> str:
    forget()
    return code_digest(project / "script.py", project / "workflow", (), files, project / "known")


def states(project: Path) -> list[Path]:
    return sorted((project / "known").glob("*.json"))


def test_a_kept_digest_is_not_taken_again(project, monkeypatch):
    first = take(project)
    monkeypatch.setattr("elemflow.provenance.code_digest._take", lambda *_: pytest.fail("taken again"))
    assert take(project) == first
    assert first == code_digest.__wrapped__(project / "script.py", project / "workflow", (), (), project / "known")


def test_it_equals_the_one_that_is_taken(project):
    take(project)
    assert take(project) == code_digest(project / "script.py", project / "workflow")


def test_times_of_files_do_not_matter(project, monkeypatch):
    take(project)
    os.utime(project / "workflow/elemflow/a.py", (1, 1))
    monkeypatch.setattr("elemflow.provenance.code_digest._take", lambda *_: pytest.fail("taken again"))
    take(project)


@pytest.mark.parametrize("file", ["workflow/elemflow/a.py", "script.py", "own.py"])
def test_an_edit_is_noticed_and_undone(project, file):
    own = project / "own.py"
    path = project / file
    before = path.read_text()
    first = take(project, own)
    # The same number of bytes, at the same time.
    stamp = path.stat()
    path.write_text(before.replace("1", "2"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert take(project, own) != first
    path.write_text(before)
    assert take(project, own) == first


def test_a_new_file_of_the_package_is_another_state(project):
    take(project)
    (project / "workflow/elemflow/b.py").write_text("")
    take(project)
    (project / "workflow/elemflow/templates/page.html").write_text("two")
    take(project)
    assert len(states(project)) == 3


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:-20])


def _list(path: Path) -> None:
    path.write_text("[]")


def _other_values(path: Path) -> None:
    path.write_text(path.read_text().replace(': "', ': "x'))


def _bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize("damage", [_cut, _list, _other_values, _bytes])
def test_a_damaged_file_is_written_anew(project, damage: Callable[[Path], None]):
    first = take(project)
    [path] = states(project)
    damage(path)
    assert take(project) == first
    assert (
        KnownDigests(project / "known", project / "workflow/elemflow").find(key_of(project / "script.py", (), ()))
        == first
    )


def test_a_folder_that_cannot_be_written_is_no_error(project):
    (project / "known").write_text("a file in its place")
    assert take(project) == code_digest(project / "script.py", project / "workflow")


def test_nothing_is_kept_if_the_package_was_edited_meanwhile(project):
    digests = KnownDigests(project / "known", project / "workflow/elemflow")
    (project / "workflow/elemflow/a.py").write_text("def f(x):\n    return x + 10\n")
    digests.keep("key", "0" * 16)
    assert states(project) == []


def test_nothing_is_kept_if_the_script_was_edited_meanwhile(project, monkeypatch):
    def edit(script, *_):
        script.write_text("print(2)\n")
        return "0" * 16

    monkeypatch.setattr("elemflow.provenance.code_digest._take", edit)
    take(project)
    assert states(project) == []


def test_old_states_are_removed(project):
    for number in range(KEPT_STATES + 3):
        (project / "workflow/elemflow/a.py").write_text(f"def f(x):\n    return x + {number}\n")
        take(project)
        for age, path in enumerate(sorted(states(project), key=lambda path: path.stat().st_mtime)):
            os.utime(path, (age, age))
    assert len(states(project)) == KEPT_STATES
    take(project)
    assert len(states(project)) == KEPT_STATES
