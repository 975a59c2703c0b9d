"""`elemflow results`, `explain` and `compare`."""

import pytest


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "results/tables/demo"
    folder.mkdir(parents=True)
    (folder / "errors.csv").write_text("row,column,reproduced\nKEFE,BRNet,0.09\nKEFE,ElemNet,\n")
    (folder / "errors").write_text("**Mean absolute error**\n\nBRNet 0.09\n")
    (folder / "intervals.csv").write_text("row\nKEFE\n")
    (folder / "intervals").write_text("**Intervals**\n")
    (tmp_path / "results/tables/all").mkdir()
    (tmp_path / "results/tables/all/cells.csv").write_text("row\n")
    return tmp_path / "results"


def test_tables_are_listed_and_printed(call, tables):
    listed = call("results", "--results", tables).stdout.splitlines()
    assert [line.split()[:5] for line in listed[1:]] == [
        ["demo", "errors", "1", "of", "2"],
        ["demo", "intervals", "1", "of", "1"],
    ]
    assert listed[1].endswith("Mean absolute error")
    both = call("results", "demo", "--results", tables).stdout
    assert both.index("BRNet 0.09") < both.index("**Intervals**")
    assert "Intervals" not in call("results", "demo", "errors", "--results", tables).stdout
    cells = call("results", "demo", "errors", "--csv", "--results", tables).stdout
    assert cells.startswith("row,column,reproduced\n")


@pytest.mark.parametrize(("arguments", "word"), [(["demi"], "'demo'"), (["demo", "error"], "'errors'")])
def test_a_name_that_is_not_built_gets_the_nearest(call, tables, arguments, word):
    done = call("results", *arguments, "--results", tables)
    assert done.exit_code == 1
    assert f"Did you mean {word}?" in done.stderr


def test_without_tables_the_command_says_how_to_build_some(call, tmp_path):
    done = call("results", "--results", tmp_path)
    assert done.exit_code == 1
    assert "snakemake" in done.stderr


def test_the_record_is_listed(call):
    listed = call("results", "--record", "brnet2023").stdout.splitlines()
    assert listed[0].split()[:2] == ["published_source", "row"]
    assert any("BNet" in line and "0.103" in line for line in listed)


def test_a_study_without_record_is_named_with_the_nearest(call):
    done = call("results", "--record", "brnet202")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Did you mean 'brnet2023'?" in done.stderr


def test_runs_are_compared(call):
    done = call("compare", "/m/", "/other/")
    assert done.exit_code == 0, done.stderr
    assert "12 common test materials" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.startswith("mean absolute error [eV]")]
    a, b, difference = map(float, line.split()[-3:])
    assert (a, difference) == (b, 0), "the same model on the same data"


def test_runs_in_different_units_are_not_compared(call, project_folder, tmp_path):
    import shutil

    from elemflow.core.files import read_json, write_json

    shutil.copytree(project_folder / "results/runs/toy/gap/ef/m/p", tmp_path / "copy")
    config = read_json(tmp_path / "copy/model/model.json")
    config["property"]["unit"] = "meV"
    write_json(tmp_path / "copy/model/model.json", config)
    done = call("compare", "/m/", tmp_path / "copy")
    assert done.exit_code == 1
    assert "meV" in done.stderr


def test_a_run_is_explained_by_a_part_of_its_id(call):
    done = call("explain", "/m/")
    assert done.exit_code == 0
    assert "toy/gap/ef/m/p" in done.stdout
    assert call("explain", "results/tables/x.csv").exit_code == 1
