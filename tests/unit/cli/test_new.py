"""`elemflow new dataset` and `elemflow new study`: files that the whole configuration can be read with."""

import shutil

import pytest
import yaml

from elemflow.cli.project import load_workflow

TABLE = """Compound;Eg (eV);Hf;ref
NaCl;8,5;-2,1;a
GaAs;1,4;-0,4;b
GaAs;1,5;-0,5;b
foo;3,1;-1;c
Fe203;2,1;n/a;c
SiC;>5;-0,3;c
TiO2;3,0;-3,2;c
ZnO;3,4;-1,8;d
MgO;7,8;-3,1;d
Al2O3;8,8;-3,4;d
"""


@pytest.fixture
def folder(project, monkeypatch, root, call):
    """A project with a table, as the working directory."""
    shutil.copytree(root / "resources/published", project / "resources/published")
    (project / "My gaps.csv").write_text(TABLE)
    monkeypatch.chdir(project)
    return project


def test_a_dataset_of_a_table(call, folder):
    done = call("new", "dataset", "My gaps.csv", "--unit", "Hf=eV/atom", "--license", "CC-BY 4.0")
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((folder / "config/datasets/my_gaps.yaml").read_text())
    assert written == {
        "title": "my_gaps",
        "license": "CC-BY 4.0",
        "source": {"kind": "table", "path": "My gaps.csv", "separator": ";", "decimal": ","},
        "columns": {"formula": "Compound"},
        "properties": {
            "eg": {"column": "Eg (eV)", "unit": "eV", "title": "Eg", "parse": "lenient"},
            "hf": {"column": "Hf", "unit": "eV/atom", "title": "Hf", "missing": ["n/a"]},
        },
        "keep": {"rule": "lowest", "property": "hf"},
    }
    for part in ("row 6: '>5' is no number", "row 5: Fe203: did you mean Fe2O3?", "one per composition", "foo"):
        assert part in done.stdout
    assert not (folder / "results").exists()
    assert not (folder / "resources/raw").exists()


def test_a_study_of_the_dataset(call, folder):
    call("new", "dataset", "My gaps.csv", "--unit", "Hf=eV/atom")
    done = call("new", "study", "my_gaps", "--property", "hf")
    assert done.exit_code == 0, done.output
    plan = load_workflow(["my_gaps"]).plan
    assert {run.property for run in plan.runs} == {"hf"}
    assert ("my_gaps", "errors") in plan.tables
    assert {figure for _, figure in plan.figures} == {"parity", "calibration"}
    assert [row.label for row in plan.tables["my_gaps", "errors"].rows] == ["Hf (eV/atom)"]


POSCAR = "NaCl\n1.0\n{0} 0 0\n0 {0} 0\n0 0 {0}\nNa Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"


def test_a_table_of_ids_next_to_a_folder_of_structures(call, folder):
    (folder / "data/cells").mkdir(parents=True)
    (folder / "data/ids.csv").write_text("id,Eg (eV)\n" + "".join(f"m-{n},{n}.5\n" for n in range(6)))
    for n in range(5):
        (folder / f"data/cells/POSCAR_m-{n}").write_text(POSCAR.format(5 + n / 10))
    refused = call("new", "dataset", "data/ids.csv")
    assert "files of crystal structures with --structures 'cifs/{id}.cif'" in refused.stderr
    refused = call("new", "dataset", "data/ids.csv", "--structures", "data/cells/POSCAR_{jid}")
    assert "name a column of the table in braces, such as 'cifs/{id}.cif'" in refused.stderr
    done = call("new", "dataset", "data/ids.csv", "--structures", "data/cells/POSCAR_{id}", "--keep", "all")
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((folder / "config/datasets/ids.yaml").read_text())
    assert written["source"] == {"kind": "table", "path": "data/ids.csv", "structures": "data/cells/POSCAR_{id}"}
    assert written["columns"] == {"entry_id": "id", "structure": {"column": "structure", "format": "poscar"}}
    assert "formulas: those of the crystal structures" in done.output
    assert "1 of 6 rows lost, their structure is not understood" in done.output


def test_columns_and_rule_by_options(call, folder):
    arguments = (
        "--formula",
        "Compound",
        "--property",
        "Eg (eV)",
        "--keep",
        "first",
        "--id",
        "gaps",
        "--title",
        "Gaps: mine",
    )
    done = call("new", "dataset", "My gaps.csv", *arguments)
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((folder / "config/datasets/gaps.yaml").read_text())
    assert (list(written["properties"]), written["keep"], written["title"]) == (["eg"], {"rule": "first"}, "Gaps: mine")


def test_a_column_with_a_unit_is_a_property_and_others_are_left_out_with_a_reason(call, folder):
    (folder / "bin.csv").write_text("formula,direct,n,id,note\nNaCl,0,1,3,a\nMgO,1,2,4,b\nCaO,1,3,5,c\nKCl,0,4,6,d\n")
    done = call("new", "dataset", "bin.csv", "--unit", "direct=1", "--unit", "n=1")
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((folder / "config/datasets/bin.yaml").read_text())
    assert list(written["properties"]) == ["direct", "n"]
    assert "left out: note (no numbers); --property takes a column of numbers" in done.output
    done = call("new", "dataset", "bin.csv", "--unit", "direct=1", "--force")
    assert "left out: n (numbers the rows), note (no numbers)" in done.output
    assert "column 'note' has no numbers" in call("new", "dataset", "bin.csv", "--unit", "note=1", "--force").stderr


LONG = "formula,property,value,ref\n" + "".join(
    f"{formula},{name},{n}.5,{7 * n}\n" for n, formula in enumerate(["NaCl", "MgO", "CaO"]) for name in ("gap", "E_f")
)


def test_a_long_table(call, folder):
    (folder / "long.csv").write_text(LONG)
    refused = call("new", "dataset", "long.csv", "--unit", "value=1")
    assert refused.exit_code == 2
    assert "column 'property' names; give --unit 'gap=UNIT' --unit 'E_f=UNIT'" in refused.stderr
    done = call("new", "dataset", "long.csv", "--unit", "gap=eV", "--unit", "E_f=eV/atom")
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((folder / "config/datasets/long.yaml").read_text())
    assert written["source"]["long"] == {"name": "property", "value": "value"}
    assert {key: (each["column"], each["unit"]) for key, each in written["properties"].items()} == {
        "gap": ("gap", "eV"),
        "e_f": ("E_f", "eV/atom"),
    }
    assert written["keep"] == {"rule": "median"}
    assert "long table: column property names the property of each row, value has it" in done.output
    assert "ref (column 'property' names properties)" in done.output
    arguments = ("--property", "value", "--unit", "value=1", "--id", "one")
    done = call("new", "dataset", "long.csv", *arguments)
    assert done.exit_code == 0, done.output
    assert "long" not in yaml.safe_load((folder / "config/datasets/one.yaml").read_text())["source"]


def test_a_dry_run_writes_nothing(call, folder):
    before = sorted(path for path in folder.rglob("*"))
    done = call("new", "dataset", "My gaps.csv", "--property", "Eg (eV)", "--dry-run")
    assert done.exit_code == 0
    assert "keep: {rule: median}" in done.stdout
    assert sorted(path for path in folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "--unit 'Hf=UNIT'"),
        (["--unit", "Hf"], "COLUMN=UNIT"),
        (["--unit", "hf=eV"], "Did you mean 'Hf'?"),
        (["--unit", "Hf=ev/Atom"], "did you mean 'eV/atom'?"),
        (["--formula", "compound"], "Did you mean 'Compound'?"),
        (["--property", "ref"], "no numbers"),
        (["--unit", "Hf=eV", "--id", "Mine"], "--id"),
    ],
)
def test_mistakes_in_the_arguments(call, folder, arguments, word):
    done = call("new", "dataset", "My gaps.csv", *arguments)
    assert done.exit_code == 2
    assert word in done.stderr
    assert not (folder / "config/datasets/my_gaps.yaml").exists()


@pytest.mark.parametrize("arguments", [[], ["--property", "Eg"]])
def test_digits_other_than_0_to_9_are_named(call, folder, arguments):
    (folder / "t.csv").write_text("formula,Eg\n" + "".join(f"{each},٨.٥\n" for each in ("NaCl", "MgO", "SiC")))
    done = call("new", "dataset", "t.csv", *arguments)
    assert done.exit_code == 2
    assert "row 1: '٨.٥' is no number. Write its digits as 0 to 9" in done.stderr


def test_a_first_line_of_excel_names_the_separator(call, folder):
    (folder / "t.csv").write_text(f"sep=;\n{TABLE}")
    done = call("new", "dataset", "t.csv", "--unit", "Hf=eV/atom", "--property", "Hf")
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((folder / "config/datasets/t.yaml").read_text())
    assert written["source"] == {"kind": "table", "path": "t.csv", "separator": ";", "decimal": ","}
    assert "10 rows" in done.stdout


def test_a_unit_that_no_other_dataset_has_is_noted(call, folder):
    done = call("new", "dataset", "My gaps.csv", "--unit", "Hf=eV/atm")
    assert done.exit_code == 0
    assert "unit 'eV/atm' of 'Hf': no other dataset has it; did you mean 'eV/atom'?" in done.stderr


def test_a_file_that_exists_is_kept(call, folder):
    arguments = ("new", "dataset", "My gaps.csv", "--property", "Eg (eV)", "--id", "kefe")
    before = (folder / "config/datasets/kefe.yaml").read_text()
    done = call(*arguments)
    assert done.exit_code == 1
    assert "config/datasets/kefe.yaml exists" in done.stderr
    assert call(*arguments, "--force").exit_code == 1, "other files need its property formation_energy"
    assert (folder / "config/datasets/kefe.yaml").read_text() == before


def test_the_id_of_a_dataset_that_comes_with_elemflow_is_kept(call, folder):
    (folder / "config/datasets/kefe.yaml").unlink()
    done = call("new", "dataset", "My gaps.csv", "--property", "Eg (eV)", "--id", "kefe")
    assert done.exit_code == 1
    assert "kefe.yaml comes with elemflow" in done.stderr
    assert not (folder / "config/datasets/kefe.yaml").exists()


def test_a_table_that_cannot_be_curated_is_named(call, folder):
    (folder / "bad.csv").write_text("formula,y (eV)\n" + "".join(f"xx{n},1\n" for n in range(9)) + "NaCl,2\n")
    done = call("new", "dataset", "bad.csv", "--formula", "formula", "--property", "y (eV)")
    assert done.exit_code == 0, done.output
    (folder / "worse.csv").write_text("formula,y (eV)\nfoo,1\nbar,2\n")
    done = call("new", "dataset", "worse.csv", "--formula", "formula")
    assert done.exit_code == 1
    assert "config/datasets/worse.yaml" in done.stderr
    assert "Traceback" not in done.output


def test_a_study_of_what_does_not_exist(call, folder):
    done = call("new", "study", "kebf")
    assert done.exit_code == 1
    assert "Did you mean 'kefe'?" in done.stderr
    assert "Did you mean 'band_gap'?" in call("new", "study", "kebg", "--property", "bandgap", "--id", "x").stderr
    assert call("new", "study", "kebg", "--id", "demo").exit_code == 1, "a study of this name exists"


def test_a_folder_without_a_configuration_becomes_a_project(call, folder, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(folder / "My gaps.csv", tmp_path / "elsewhere/t.csv")
    monkeypatch.chdir(tmp_path / "elsewhere")
    done = call("new", "dataset", "t.csv", "--property", "Eg (eV)")
    assert done.exit_code == 0, done.output
    assert call("new", "study", "t").exit_code == 0
    assert call("cost", "t").exit_code == 0
    files = {str(path.relative_to(tmp_path / "elsewhere")) for path in (tmp_path / "elsewhere").rglob("*.*")}
    assert files == {"t.csv", "config/datasets/t.yaml", "config/studies/t.yaml"}


@pytest.mark.parametrize("studies", [["gaps"], ["gaps", "demo"]])
def test_the_studies_of_the_configuration_may_come_last(call, folder, tmp_path, monkeypatch, studies):
    own = tmp_path / "own"
    (own / "config").mkdir(parents=True)
    (own / "config/config.yaml").write_text(yaml.safe_dump({"studies": studies}))
    shutil.copy(folder / "My gaps.csv", own / "gaps.csv")
    monkeypatch.chdir(own)
    for words in (("dataset", "gaps.csv", "--property", "Eg (eV)"), ("study", "gaps")):
        done = call("new", *words)
        assert done.exit_code == 0, done.output
    assert list(load_workflow().settings.selected) == studies


def test_a_configuration_without_studies_is_named(call, folder):
    (folder / "config/config.yaml").write_text("chunks: 1\n")
    done = call("new", "dataset", "My gaps.csv", "--unit", "Hf=eV/atom")
    assert (done.exit_code, "studies" in done.stderr, "Traceback" in done.output) == (1, True, False)
    assert not (folder / "config/datasets/my_gaps.yaml").exists()
