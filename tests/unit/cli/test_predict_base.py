"""`elemflow predict` with a base: tables, files, properties, and what is refused."""

import csv
import io

import pytest
from factories.base_toy import write_toy


@pytest.fixture(scope="module", name="file")
def _file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return write_toy(folder, folder / "toy.elemflow")


@pytest.fixture(name="shipped")
def _shipped(file, monkeypatch):
    monkeypatch.setattr("elemflow.base.predictor.SHIPPED", str(file))


def test_a_formula_has_all_properties_with_unit_interval_and_flag(call, shipped):
    done = call("predict", "LiO", "NaFeO2")
    assert done.exit_code == 0
    for part in ("LiO", "NaFeO2", "Gap (A)", "Modulus (B)", "eV", "GPa", "90 % interval", "inside"):
        assert part in done.stdout


def test_a_file_has_columns_per_property_and_rows_in_order(call, shipped, tmp_path):
    (tmp_path / "new.csv").write_text("formula\nLiO\nnonsense\nNaFeO2\n")
    refused = call("predict", tmp_path / "new.csv", "--property", "modulus")
    assert (refused.exit_code, "row 2" in refused.stderr, refused.stdout) == (1, True, "")
    done = call("predict", tmp_path / "new.csv", "--property", "modulus", "--skip", "--units", "name")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["formula"] for row in rows] == ["LiO", "nonsense", "NaFeO2"]
    assert float(rows[0]["b_modulus_lower [GPa]"]) < float(rows[0]["b_modulus [GPa]"])
    assert not any(name.startswith("z_gap") for name in rows[0])
    assert rows[1]["b_modulus [GPa]"] == ""
    assert rows[1]["reason"]


def test_a_base_is_known_as_a_file_and_has_its_card(call, file):
    assert "Gap (A)" in call("predict", "LiO", "--model", file).stdout
    assert "held out" in call("info", file).stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--property", "gapp"), "'gapp'"),
        (("--combine", "median"), "--combine"),
        (("--known",), "--known"),
        (("--threads", "2"), "--threads"),
        (("--run", "/m/", "--property", "gap"), "--property"),
    ],
)
def test_what_does_not_fit_is_refused(call, shipped, arguments, named):
    done = call("predict", "LiO", *arguments)
    assert done.exit_code in {1, 2}
    assert named in done.stderr


def test_structures_need_a_run(call, shipped, tmp_path):
    (tmp_path / "a.cif").write_text("data_a")
    assert call("predict", tmp_path / "a.cif").exit_code == 2
