"""The card of a fine-tuned predictor: what it was made from, shown by `elemflow info` as text and as JSON."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from factories.base_toy import CFG, compositions, value

from elemflow.base.origin import origin_of_file, origin_of_run
from elemflow.base.predictor import BasePredictor
from elemflow.cli.main import main
from elemflow.core.archive import extract_archive, read_members, write_archive
from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file

BIB = "@article{toy2020,\n  title = {Toy}\n}\n"


@pytest.fixture(name="start")
def _start(file, tmp_path):
    """The toy base with what to cite."""
    extract_archive(file, tmp_path / "out")
    (tmp_path / "out/references.bib").write_text(BIB)
    write_archive(tmp_path / "base.elemflow", tmp_path / "out", {"kind": "base", "name": "toy"})
    return tmp_path / "base.elemflow"


@pytest.fixture(name="call")
def _call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = compositions(40)
    rows = {"compound": names, "Tc (K)": [3 * value(name) + 10 for name in names], "x (eV)": map(value, names)}
    pd.DataFrame(rows).to_csv("my.csv", index=False)

    def call(*arguments):
        done = CliRunner().invoke(main, [*map(str, arguments)])
        assert done.exit_code == 0, done.output
        return done

    return call


def test_the_card_names_data_table_start_and_options(call, start, tmp_path):
    call("finetune", "my.csv", "--target", "Tc", "--base", start, "--quick", "--seed", "3", "--minimum", "0")
    card = json.loads(call("info", "tc.elemflow", "--json").stdout)
    table = hashlib.sha256((tmp_path / "my.csv").read_bytes()).hexdigest()
    assert (card["target"], card["unit"], card["transform"], card["minimum"]) == ("Tc", "K", "none", 0)
    assert card["table"] == {
        "name": "my.csv", "sha256": table, "rows": 40, "rows_left_out": 0, "rows_repeated": 0, "compositions": 40,
        "formulas": "compound",
    }  # fmt: skip
    assert (card["base"]["name"], card["base"]["sha256"]) == ("toy", sha256_file(start))
    assert card["datasets"].keys() == CFG["texts"].keys()
    assert card["options"]["quick"]
    assert card["options"]["seed"] == 3
    assert card["errors"]["base"]["mae"] < card["errors"]["constant"]["mae"]
    assert card["better_than_median"]
    assert "no better" not in call("predict", "--model", "tc.elemflow", "LiO").stderr
    shown = call("info", "tc.elemflow").stdout
    for part in (table, sha256_file(start), "## Data", "seed 3", "minimum 0", *CFG["texts"]):
        assert part in shown
    assert (tmp_path / "tc.md").read_text() in shown
    assert read_members(tmp_path / "tc.elemflow", "references.bib")[1]["references.bib"].decode() == BIB
    assert sha256_file(start) in (tmp_path / "tc.html").read_text()
    assert BasePredictor(tmp_path / "tc.elemflow").frame(["LiO"])["tc"].notna().all()


def test_a_predictor_that_is_no_better_than_the_median_is_warned_of(call, start, tmp_path):
    rows = pd.read_csv(tmp_path / "my.csv")
    rows["Tc (K)"] = np.random.default_rng(0).permutation(rows["Tc (K)"])
    rows.to_csv(tmp_path / "my.csv", index=False)
    done = call("finetune", "my.csv", "--target", "Tc", "--base", start, "--quick")
    card = json.loads(call("info", "tc.elemflow", "--json").stdout)
    assert card["errors"]["base"]["mae"] > card["errors"]["constant"]["mae"]
    assert not card["better_than_median"]
    warning = "Warning: the predictor is no better than a constant."
    assert warning in done.stderr
    assert "no better than a constant" in call("predict", "--model", "tc.elemflow", "LiO").stderr
    for text in (call("info", "tc.elemflow").stdout, *((tmp_path / f"tc.{end}").read_text() for end in ("md", "html"))):
        assert warning in text


def test_a_second_fine_tuning_keeps_the_data_of_the_first(call, start, tmp_path):
    call("finetune", "my.csv", "--target", "Tc", "--base", start, "--quick")
    origin = origin_of_file(tmp_path / "tc.elemflow", "tc")
    assert origin.tables == (sha256_file(tmp_path / "my.csv"),)
    assert (origin.bibliography, origin.datasets.keys()) == (BIB, CFG["texts"].keys())
    call("finetune", "my.csv", "--target", "x", "--base", "tc.elemflow", "--quick")
    assert "the start was fine-tuned on a table itself" in call("info", "x.elemflow").stdout


def test_a_start_without_a_card_says_nothing_of_its_data(start, tmp_path):
    (tmp_path / "out/model_card.json").unlink()
    write_archive(start, tmp_path / "out", {"kind": "base", "name": "toy"})
    assert not origin_of_file(start, "toy").datasets
    (tmp_path / "out/model_card.json").write_text("[1]")
    write_archive(start, tmp_path / "out", {"kind": "base", "name": "toy"})
    with pytest.raises(DataError, match=r"model_card\.json cannot be read"):
        origin_of_file(start, "toy")


def test_a_run_is_known_by_its_files(tmp_path):
    run = tmp_path / "results/runs/toy/gap/ef/m/p"
    (run / "model").mkdir(parents=True)
    (run / "model/model.json").write_text("{}")
    first = origin_of_run(run, "toy", BIB)
    assert (first.datasets, first.bibliography) == ({"toy": {}}, BIB)
    (run / "model/model.json").write_text("{ }")
    assert origin_of_run(run, "toy", BIB).sha256 != first.sha256
