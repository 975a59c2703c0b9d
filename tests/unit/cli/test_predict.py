"""`elemflow predict`: inputs, formats, units, the choice of a run, and what it says about typos."""

import csv
import io
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from elemflow.cli.options import complete_run

RUN = ("--run", "/m/")
COLUMNS = ["formula", "composition", "gap", "spread", "lower", "upper", "percentile", "unseen_elements", "flag"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("name,formula\na,FeO2\nb,Co3 S4\nc,CaO\n")
    return path


def test_formulas_become_a_table_with_interval_flag_and_known_value(call):
    done = call("predict", "FeO2", "CaO", *RUN)
    assert done.exit_code == 0
    header, known, new = done.stdout.splitlines()
    assert header.split("  ")[0] == "formula"
    for part in ("gap [eV]", "spread", "90 % interval", "flag", "known", "set"):
        assert part in header
    assert known.split()[-1] in {"train", "validation", "test"}
    assert "unseen (Ca)" in new
    assert new.split()[-1] == "—"


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_every_format_has_the_same_rows(call, table, tmp_path, form):
    out = tmp_path / f"out.{form}"
    done = call("predict", table, "-o", out, *RUN)
    assert (done.exit_code, done.stdout) == (0, "")
    rows = {
        "csv": lambda: list(csv.DictReader(out.open())),
        "tsv": lambda: list(csv.DictReader(out.open(), delimiter="\t")),
        "json": lambda: json.loads(out.read_text()),
        "jsonl": lambda: [json.loads(line) for line in out.read_text().splitlines()],
        "parquet": lambda: pq.read_table(out).to_pylist(),
    }[form]()
    assert list(rows[0]) == [*COLUMNS[:2], "name", *COLUMNS[2:]]
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert [row["composition"] for row in rows] == ["FeO2", "Co3S4", "CaO"]
    assert [row["flag"] for row in rows] == ["inside", "inside", "unseen"]
    assert all(float(row["lower"]) < float(row["gap"]) < float(row["upper"]) for row in rows)


def test_units_stand_where_they_are_wanted(call, table):
    plain, names, row = (call("predict", table, "--units", units, *RUN).stdout for units in ("none", "name", "row"))
    all_of = [*COLUMNS[:2], "name", *COLUMNS[2:]]
    assert plain.splitlines()[0] == ",".join(all_of)
    assert names.splitlines()[0].startswith(
        "formula,composition,name,gap [eV],spread [eV],lower [eV],upper [eV],percentile"
    )
    assert row.splitlines()[:2] == [",".join(all_of), ",,,eV,eV,eV,eV,,,"]
    assert plain.splitlines()[1:] == names.splitlines()[1:] == row.splitlines()[2:]
    refused = call("predict", table, "--units", "row", "--format", "json", *RUN)
    assert refused.exit_code == 2


def test_further_columns_are_kept_and_renamed_where_the_output_has_their_name(call, tmp_path):
    out = tmp_path / "out.csv"
    (tmp_path / "t.csv").write_text("id,gap,composition,formula,flag\n007,-0.5,x,FeO2,=1+1\n008,,y,CaO,-\n")
    done = call("predict", tmp_path / "t.csv", "-o", out, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "'gap' to 'gap_given', 'composition' to 'composition_given', 'flag' to 'flag_given'" in done.stderr
    rows = list(csv.reader(out.open()))
    assert rows[0] == [*COLUMNS[:2], "id", "gap_given", "composition_given", "flag_given", *COLUMNS[2:]]
    assert [row[2:6] for row in rows[1:]] == [["007", "-0.5", "x", "'=1+1"], ["008", "", "y", "-"]]


@pytest.mark.parametrize(
    "text",
    [
        "FeO2\n\nCo3S4\n",
        "composition\nFeO2\nCo3S4\n",
        "a\tformula\n1\tFeO2\n2\tCo3S4\n",
        '{"formula": "FeO2"}\n{"formula": "Co3S4"}\n',
        '[{"formula": "FeO2"}, {"formula": "Co3S4"}]',
    ],
)
def test_standard_input_in_every_text_format(call, text):
    done = call("predict", "-", *RUN, stdin=text)
    assert done.exit_code == 0, done.stderr
    assert [row["formula"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["FeO2", "Co3S4"]


def test_a_bad_row_ends_the_command_or_is_kept_with_its_reason(call, tmp_path):
    table, out = tmp_path / "bad.tsv", tmp_path / "out.csv"
    table.write_text("formula\tn\nFeO2\t1\nfe2o3\t2\n=1+1\t3\n")
    refused = call("predict", table, "-o", out, *RUN)
    assert refused.exit_code == 1
    assert "bad.tsv, row 2: 'fe2o3'" in refused.stderr
    assert "Did you mean Fe2O3?" in refused.stderr
    assert not out.exists()
    assert call("predict", table, "-o", out, "--skip", *RUN).exit_code == 0
    found = pd.read_csv(out)
    assert found["gap"].isna().tolist() == [False, True, True]
    assert found["reason"].isna().tolist() == [True, False, False]
    assert found["formula"][2] == "'=1+1", "no spreadsheet program computes a formula of the input"


def test_mistyped_formulas_are_named(call, tmp_path):
    done = call("predict", "Fe203", "nacl", "FeO2", *RUN)
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 4, "the others are predicted"
    assert "Fe203: did you mean Fe2O3?" in done.stderr
    assert "Did you mean NaCl?" in done.stderr
    assert call("predict", "nacl", "FeO2", "--skip", *RUN).exit_code == 0
    (tmp_path / "many.txt").write_text("".join(f"Fe{n}03\n" for n in range(1, 8)))
    hints = call("predict", tmp_path / "many.txt", *RUN).stderr.splitlines()
    assert hints[0] == "Fe103: did you mean Fe1O3?"
    assert hints[-1] == "… and 2 more formulas that look mistyped"


def test_amounts_that_are_weights(call):
    done = call("predict", "Fe55.845O15.9994", "--amounts", "weight", "--format", "csv", *RUN)
    assert next(csv.DictReader(io.StringIO(done.stdout)))["composition"] == "FeO"


def test_a_run_is_named_by_a_part_of_its_id(call, project_folder):
    by_id = call("predict", "FeO2", "--run", "toy/gap/ef/m/p").stdout
    assert by_id == call("predict", "FeO2", "--run", "results/runs/toy/gap/ef/m/p").stdout
    assert by_id == call("predict", "FeO2", "--run", project_folder / "results/runs/toy/gap/ef/m/p").stdout
    for name in (("--results", "results"), ("--run", "toy")):
        several = call("predict", "FeO2", *name)
        assert several.exit_code == 1
        assert {"  toy/gap/ef/m/p", "  toy/gap/ef/other/p"} <= set(several.stderr.splitlines())
    assert "  toy/gap/ef/other/p" in call("predict", "FeO2", "--run", "othre").stderr
    none = call("predict", "FeO2", "--results", project_folder / "elsewhere")
    assert (none.exit_code, "no trained run" in none.stderr) == (1, True)


def test_runs_are_completed(call, project_folder):
    from elemflow.cli.main import main

    context = main.make_context("elemflow", ["predict"], resilient_parsing=True)
    found = complete_run(context, main.params[0], "oth")
    assert [item.value for item in found] == ["toy/gap/ef/other/p"]


def test_feature_files_are_predicted_by_material(call, tmp_path):
    features = "results/features/toy/ef.parquet"
    done = call("predict", features, *RUN)
    assert done.stdout.splitlines()[0] == "material_id,gap,spread,lower,upper"
    assert len(done.stdout.splitlines()) == 73
    assert call("predict", features, "--applicability", *RUN).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["new.csv", "FeO2"], "not both"),
        (["new.csv", "other.csv"], "feature files"),
        (["new.csv", "-o", "new.csv"], "new.csv"),
        (["new.csv", "-o", "out.xlsx"], "out.xlsx"),
        (["new.csv", "--format", "parquet"], "-o"),
        (["FeO2", "--level", "100"], "--level"),
        ([], "FORMULA"),
    ],
)
def test_mistakes_in_the_arguments_have_exit_code_2(call, table, monkeypatch, arguments, word):
    monkeypatch.chdir(table.parent)
    done = call("predict", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert word in done.stderr


def test_what_a_run_does_not_have_is_said_and_left_out(call, project_folder, tmp_path):
    import shutil

    shutil.copytree(project_folder / "results/runs/toy/gap/ef/m/p", tmp_path / "copy")
    (tmp_path / "copy/metrics.json").unlink()
    done = call("predict", "FeO2", "--format", "csv", "--run", tmp_path / "copy")
    assert done.stdout.splitlines()[0] == "formula,composition,gap,spread,reason"
    assert "without intervals" in done.stderr
    assert "without applicability" in done.stderr
    assert call("predict", "FeO2", "--level", "80", "--run", tmp_path / "copy").exit_code == 1
    assert call("predict", "FeO2", "--applicability", "--run", tmp_path / "copy").exit_code == 1


def test_known_values_on_request(call, table):
    rows = list(csv.DictReader(io.StringIO(call("predict", table, "--known", *RUN).stdout)))
    materials = pd.read_parquet("results/datasets/toy/materials.parquet").set_index("composition")["gap"]
    assert float(rows[0]["known"]) == materials["FeO2"]
    assert rows[2]["known"] == rows[2]["set"] == ""


def test_structure_files_are_predicted(call, tmp_path):
    text = "FeO\n1.0\n3 0 0\n0 3 0\n0 0 3\nFe O\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"
    for name in ("POSCAR", "b.vasp"):
        (tmp_path / name).write_text(text)
    done = call("predict", tmp_path / "POSCAR", tmp_path / "b.vasp", "--format", "csv", *RUN)
    assert done.exit_code == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["file"] for row in rows] == [str(tmp_path / "POSCAR"), str(tmp_path / "b.vasp")]
    of_formula = next(csv.DictReader(io.StringIO(call("predict", "FeO", "--format", "csv", *RUN).stdout)))
    assert all(row["gap"] == of_formula["gap"] for row in rows)
    missing = call("predict", tmp_path / "POSCAR", tmp_path / "none.cif", *RUN)
    assert missing.exit_code == 1
    assert "none.cif" in missing.stderr


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no such file"),
        ("compound\nNaCl\n", "none of the columns"),
        ("formula\n", "no rows"),
        ("formula\nnacl\n", "nacl"),
    ],
)
def test_an_input_that_cannot_be_read_leaves_no_output(call, tmp_path, content, word):
    file = tmp_path / "new.csv"
    if content:
        file.write_text(content)
    for arguments in ((), ("-o", tmp_path / "out.csv")):
        done = call("predict", "--run", "/m/", file, *arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert word in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_an_empty_formula_is_named(call):
    assert "'': the formula is empty" in call("predict", "--run", "/m/", "FeO2", "").stderr


def test_known_values_that_nothing_has_are_refused(call, table, tmp_path):
    call("export", "/m/", tmp_path / "m.elemflow")
    refused = call("predict", table, "--model", tmp_path / "m.elemflow", "--known")
    assert (refused.exit_code, "m.elemflow holds no known values; leave --known out" in refused.stderr) == (2, True)
