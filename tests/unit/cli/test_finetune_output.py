"""What `elemflow finetune` refuses to replace, and a folder that cannot be written to, before any training."""

import pytest
from click.testing import CliRunner

from elemflow.cli.main import main
from elemflow.core.archive import write_archive


@pytest.fixture(name="finetune")
def _finetune(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").write_text("formula,Tc (K)\nNaCl,1\n")  # too few rows: what passes the check ends there
    return lambda *more: CliRunner().invoke(main, ["finetune", "my.csv", "--target", "Tc", *more])


@pytest.mark.parametrize("name", ["tc.md", "tc.html", "tc.elemflow"])
def test_files_of_the_user_stay(finetune, tmp_path, name):
    (tmp_path / name).write_text("# Notes on Tc\n")
    done = finetune()
    assert done.exit_code == 2, done.output
    assert f"{name}: exists and is no" in done.stderr
    assert (tmp_path / name).read_text() == "# Notes on Tc\n"
    assert finetune("-o", "other.elemflow").exit_code == 1


def test_reports_and_predictors_of_before_are_replaced(finetune, tmp_path):
    (tmp_path / "tc.md").write_text("# Tc [K]: fine-tuned on 1,200 compositions\n\nStarted.\n")
    (tmp_path / "tc.html").write_text("<!doctype html>\n<title>Tc · elemflow finetune</title>\n")
    (tmp_path / "empty").mkdir()
    write_archive(tmp_path / "tc.elemflow", tmp_path / "empty", {"kind": "base"})
    done = finetune()
    assert done.exit_code == 1
    assert "1 composition has a value" in done.stderr


def test_the_start_is_not_replaced(finetune, tmp_path):
    write_archive(tmp_path / "tc.elemflow", tmp_path, {"kind": "base"})
    done = finetune("--base", "tc.elemflow")
    assert done.exit_code == 2
    assert "starts from" in done.stderr


def test_an_output_that_cannot_be_written_is_refused_before_the_training(finetune):
    done = finetune("-o", "my.csv/tc.elemflow")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
