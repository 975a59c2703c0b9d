"""Fine-tuning from a run: what its networks have seen, and the command."""

import json
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner
from factories.predicting import FORMULAS, write_run
from factories.toy import SPEC

from elemflow.base.run_start import start_of_run
from elemflow.chemistry.composition import canonical
from elemflow.cli.main import main
from elemflow.core.archive import extract_archive, write_archive
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.inference.exported import export_run
from elemflow.inference.trained_on import trained_compositions


@pytest.fixture(name="run")
def _run(tmp_path_factory, session_run):
    copied = tmp_path_factory.mktemp("copy")
    shutil.copytree(session_run.parents[5], copied / "results")
    return copied / "results/runs/toy/gap/ef/m/p"


@pytest.fixture(scope="module", name="session_run")
def _session_run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("project"), {"kind": "network", "spec": SPEC})


@pytest.fixture(name="table")
def _table(tmp_path):
    rows = {"formula": [*FORMULAS[:30], "KCl", "LiF"], "gap (eV)": [0.1 * place for place in range(32)]}
    pd.DataFrame(rows).to_csv(tmp_path / "my.csv", index=False)
    return tmp_path / "my.csv"


def call(*arguments):
    return CliRunner().invoke(
        main, ["finetune", *map(str, arguments), "--target", "gap", "--quick", "-o", "g.elemflow"]
    )


def test_elements_and_compositions_are_those_of_the_training_and_validation_sets(run):
    base, reason = start_of_run(run)
    split = pd.read_parquet(run.parents[5] / "splits/toy/gap/p.parquet")
    trained = {canonical(name) for name in split[split["role"] != "test"]["material_id"]}
    assert (base.complete, reason) == (True, "")
    assert len(base.seen) == len(trained)
    assert base.seen.contains(sorted(trained)).all()
    assert base.elements.sum() == 255 * 9


def test_what_the_pre_training_run_saw_counts_too(run):
    other = run.parent / "before"
    shutil.copytree(run, other)
    info = read_json(run / "run_info.json")
    write_json(run / "run_info.json", info | {"pretrained": "toy/gap/ef/m/before"})
    with pytest.raises(DataError, match=r"before\.parquet is missing"):
        trained_compositions(run)
    splits = run.parents[5] / "splits/toy/gap"
    split = pd.read_parquet(splits / "p.parquet").assign(role="train")
    split.to_parquet(splits / "before.parquet")
    with pytest.raises(DataError, match="is not the file that the run was trained on"):
        trained_compositions(run)
    shutil.copy(splits / "p.parquet", splits / "before.parquet")
    assert trained_compositions(run)


def test_a_run_whose_files_are_gone_says_why_nothing_is_known(run):
    (run.parents[5] / "splits/toy/gap/p.parquet").unlink()
    base, reason = start_of_run(run)
    assert not base.complete
    assert "p.parquet is missing" in reason
    with pytest.raises(DataError, match="no trained run"):
        start_of_run(run.parent)


def test_the_command_starts_from_a_run_and_counts_what_it_saw(run, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(table, "--run", "toy", "--results", run.parents[5])
    assert done.exit_code == 0, done.output
    trained = {*trained_compositions(run)}
    expected = sum(canonical(name) in trained for name in FORMULAS[:30])
    report = (tmp_path / "g.md").read_text()
    assert f"| the base has seen the composition | {expected} |" in report
    assert f"| new to the base | {32 - expected} |" in report
    assert "of toy/gap/ef/m/p (R²" in report
    card = json.loads(CliRunner().invoke(main, ["info", "g.elemflow", "--json"]).stdout)
    assert (card["base"]["name"], [*card["datasets"]]) == ("toy/gap/ef/m/p", ["toy"])
    shown = CliRunner().invoke(main, ["predict", "FeO2", "--model", "g.elemflow"])
    assert shown.exit_code == 0, shown.output


def test_an_exported_file_without_the_list_says_that_seen_rows_are_unknown(run, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export_run(run, tmp_path / "m.elemflow")
    extract_archive(tmp_path / "m.elemflow", tmp_path / "out")
    (tmp_path / "out/seen.bin").unlink()
    write_archive(tmp_path / "old.elemflow", tmp_path / "out", {})
    done = call(table, "--base", tmp_path / "old.elemflow")
    assert done.exit_code == 0, done.output
    assert "It is unknown which rows toy/gap/ef/m/p was trained on" in done.stderr
    report = (tmp_path / "g.md").read_text()
    assert "| unknown whether seen | 32 |" in report
    assert "new to the base" not in report + (tmp_path / "g.html").read_text()
    both = call(table, "--base", tmp_path / "old.elemflow", "--run", "toy")
    assert (both.exit_code, "not both" in both.stderr) == (2, True)
