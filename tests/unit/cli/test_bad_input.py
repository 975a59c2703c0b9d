"""What the commands say of input that is no table: one message, an exit code, and nothing on standard output."""

import pandas as pd
import pytest
from click.testing import CliRunner

from elemflow.cli.main import main


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "head.csv").write_text("formula,Tc (K)\n")
    (tmp_path / "dir.csv").mkdir()
    (tmp_path / "dir.elemflow").mkdir()
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "given", "code", "message"),
    [
        (["predict", "empty.csv"], None, 1, "empty.csv: the file is empty."),
        (["predict", "head.csv", "--format", "csv"], None, 1, "head.csv: no rows."),
        (["predict", "dir.csv"], None, 1, "dir.csv: a folder, not a file."),
        (["predict", "-"], "", 1, "standard input: the file is empty."),
        (["predict", "-"], "compound\tx\nNaCl\t1\n", 1, "standard input, row 1: 'compound"),
        (["predict", "NaCl", "--property", "bandgap"], None, 1, "no property 'bandgap'. Did you mean 'band_gap'?"),
        (["info", "dir.elemflow"], None, 2, "'dir.elemflow' is a directory"),
        (["finetune", "empty.csv", "--target", "Tc"], None, 1, "empty.csv: the file is empty."),
    ],
)
def test_what_is_wrong_is_said_in_one_message(arguments, given, code, message):
    done = CliRunner().invoke(main, arguments, input=given)
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert "standard input.txt" not in done.stderr  # its copy
    assert not done.stdout


@pytest.mark.usefixtures("folder")
def test_several_tables_are_refused(tmp_path):
    for name in "ab":
        pd.DataFrame({"formula": ["NaCl"]}).to_parquet(tmp_path / f"{name}.parquet")
    done = CliRunner().invoke(main, ["predict", "a.parquet", "b.parquet", "--format", "csv"])
    assert (done.exit_code, "one table at a time" in done.stderr) == (2, True), done.output


@pytest.mark.usefixtures("folder")
def test_a_place_that_cannot_be_written_to_is_named_as_given():
    done = CliRunner().invoke(main, ["predict", "NaCl", "--property", "mp_band_gap", "-o", "/proc/x.csv"])
    assert (done.exit_code, done.stderr) == (1, "Error: /proc/x.csv: No such file or directory.\n")
