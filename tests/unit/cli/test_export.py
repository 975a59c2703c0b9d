"""`elemflow export`, `elemflow info` and predictions with an exported file."""

import json

import pytest

from elemflow.core.archive import extract_archive, write_archive
from elemflow.core.files import sha256_file


@pytest.fixture
def file(call, tmp_path):
    path = tmp_path / "gaps.elemflow"
    done = call("export", "/m/", path)
    assert done.exit_code == 0
    assert sha256_file(path) in done.output
    return path


def test_an_exported_file_predicts_as_its_run(call, file, tmp_path, monkeypatch):
    arguments = ("FeO2", "CaO", "--format", "csv")
    of_run = call("predict", *arguments, "--run", "/m/").stdout
    monkeypatch.chdir(tmp_path)
    assert call("predict", *arguments, "--model", file).stdout == of_run


def test_the_card_is_printed(call, file):
    shown = call("info", file).stdout
    assert shown.startswith("# gap [eV]")
    assert sha256_file(file) in shown
    assert json.loads(call("info", file, "--json").stdout)["run"]["model"] == "m"


def test_a_file_that_was_changed_is_refused_with_one_message(call, file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for arguments in (("info", file), ("predict", "FeO2", "--model", file)):
        done = call(*arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1
        assert str(file) in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("export", "/m/", "gaps.zip"), ("export", "/m/"), ("predict", "FeO2", "--run", "/m/", "--model", "x.elemflow")],
)
def test_mistakes_in_the_arguments(call, arguments):
    assert call(*arguments).exit_code == 2


def test_a_file_that_does_not_exist(call, tmp_path):
    assert call("info", tmp_path / "no.elemflow").exit_code == 1
    done = call("predict", "FeO2", "--model", tmp_path / "no.elemflow")
    assert done.exit_code == 1
    assert "no.elemflow" in done.stderr


def test_a_card_cannot_control_the_terminal(call, file, tmp_path):
    extract_archive(file, tmp_path / "out")
    (tmp_path / "out/README.md").write_text("# card\x1b[2J\x07\n")
    write_archive(file, tmp_path / "out", {})
    assert call("info", file).stdout.splitlines()[0] == "# card[2J"
