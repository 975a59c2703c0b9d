"""`elemflow predict` with a base: tables, files, properties, and what is refused."""

import csv
import io
import os

import pandas as pd
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


def test_a_formula_with_the_label_of_a_phase_is_refused_with_one_reason(call, shipped, tmp_path):
    (tmp_path / "new.csv").write_text("sep=;\nformula;n\nLiO;1\nNiTi B2;2\n")
    refused = call("predict", tmp_path / "new.csv")
    assert refused.exit_code == 1
    assert "row 2: 'NiTi B2' cannot be predicted: 'B2' at the end reads like the label of a phase" in refused.stderr
    assert "2 formulas" not in refused.stderr


def test_known_values_stand_in_the_table_marked_and_in_files_on_request(call, shipped, file, tmp_path):
    joint = pd.read_parquet(file.parent / "joint.parquet").set_index("role")
    names = [joint.loc[role, "composition"].iloc[0] for role in ("train", "held_out")]
    lines = call("predict", *names, "FeU").stdout.splitlines()
    gaps = [line for line in lines if line.startswith("Gap (A)")]
    assert "known" in lines[1].split()
    for line, role, mark in zip(gaps, ("train", "held_out"), ("trained on", "held out"), strict=False):
        value = joint.loc[role, "z_gap"].iloc[0]
        assert line.endswith(mark)
        assert float(line.removesuffix(mark).split()[-1]) == pytest.approx(value, abs=1e-3)
    assert "known" not in call("predict", names[0], "--no-known").stdout
    (tmp_path / "new.csv").write_text(f"formula\n{names[0]}\nLiO9\n")
    assert "known" not in call("predict", tmp_path / "new.csv", "--format", "csv").stdout
    done = call("predict", tmp_path / "new.csv", "--known", "--property", "gap", "--units", "name")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert float(rows[0]["z_gap_known [eV]"]) == pytest.approx(joint.loc["train", "z_gap"].iloc[0], abs=1e-3)
    assert rows[1]["z_gap_known [eV]"] == ""


def test_a_base_is_known_as_a_file_and_has_its_card(call, file):
    assert "Gap (A)" in call("predict", "LiO", "--model", file).stdout
    assert "held out" in call("info", file).stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--property", "gapp"), "'gapp'"),
        (("--combine", "median"), "--combine"),
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


def test_formulas_in_capitals_and_near_neutrality_are_answered(call):
    done = call("predict", "CU2O", "TiO1.99", "CO2", "--property", "mp_band_gap")
    assert done.exit_code == 0
    assert "CU2O: read as C, U, O; did you mean Cu2O?" in done.stderr
    assert "TiO1.99: not charge-neutral, and within 2 % of O2Ti" in done.stderr
    assert "CO2" not in done.stderr


@pytest.mark.parametrize(
    ("formula", "advice"),
    [
        ("LiNi1/3Mn2/3O2", "0.3333 for 1/3"),
        ("Fe2O3(s)", "Leave out the state of matter, (s)"),
        ("LiFePO4/C", "For 2 formulas, write each as an argument"),
        ("NaCl, KCl;MgO", "For 3 formulas, write each as an argument"),
        ("mp-149", "id of an entry of a database"),
    ],
)
def test_texts_that_are_neither_a_formula_nor_a_file_have_advice(call, formula, advice):
    done = call("predict", formula)
    assert done.exit_code == 1
    assert advice in done.stderr


def test_a_pipe_stays_and_a_link_leads_to_what_is_written(call, shipped, tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    refused = call("predict", "LiO", "-o", tmp_path / "pipe.csv")
    assert (refused.exit_code, "redirect standard output" in refused.stderr) == (2, True)
    assert (tmp_path / "pipe.csv").is_fifo()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/old.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("folder/old.csv")
    assert call("predict", "LiO", "-o", tmp_path / "link.csv").exit_code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "folder/old.csv").read_text().startswith("formula,")
