"""Rows of a user's table: which are left out and why, which share a composition, and what the command says of both."""

import pandas as pd
import pytest
from click.testing import CliRunner
from factories.base_toy import compositions, value

from elemflow.base.finetune_report import comma_text, formulas_text, left_out_text
from elemflow.base.table import FEWEST, read_measured
from elemflow.base.table_rows import repeated_note
from elemflow.cli.main import main
from elemflow.core.errors import DataError

NAMES = compositions(30)


def written(tmp_path, **columns):
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_rows_that_are_left_out_are_counted_by_reason_with_their_cells(tmp_path):
    cells = ["1.2 eV", "~1.5", "<0.5", "n/a", "1,200", "", *(f"{place}.5" for place in range(24))]
    table = written(tmp_path, formula=[*NAMES[:29], "Xx2"], Eg=cells)
    text = left_out_text(read_measured(table, "Eg"), [])
    assert text.startswith("7 of 30 rows left out: 5 without a number ('1.2 eV', '~1.5', '<0.5', …); ")
    assert "1 with an empty cell;" in text
    assert "1 with a formula that cannot be read ('Xx2')" in text
    assert text.endswith("'1,200': Write it with a decimal point, and without separators of thousands.")
    assert "source" not in text


def test_digits_other_than_0_to_9_have_advice_and_a_first_line_of_excel_names_the_separator(tmp_path):
    rows = [f"{formula};{place},5" for place, formula in enumerate(NAMES[:29])]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["sep=;", "formula;y", *rows, f"{NAMES[29]};٨,٥"]))
    measured = read_measured(table, "y")
    assert len(measured.values) == 29
    assert left_out_text(measured, []).endswith("'٨,٥': Write its digits as 0 to 9.")


@pytest.mark.parametrize(("cells", "comma"), [(["1,20", "3"] * 15, "1,20"), (["1.2", "3"] * 15, "")])
def test_a_decimal_comma_is_named(tmp_path, cells, comma):
    measured = read_measured(written(tmp_path, formula=NAMES, y=cells), "y")
    assert measured.comma == comma
    expected = ["decimal comma: '1,20' is read as 1.2; write numbers with a point if it separates thousands"]
    assert comma_text(measured) == (expected[0] if comma else "")


def test_commas_before_three_digits_are_no_decimal_commas_between_commas(tmp_path):
    table = written(tmp_path, formula=NAMES, y=["1,200", *range(1, 30)])
    text = left_out_text(read_measured(table, "y"), [])
    assert text == (
        "1 of 30 rows left out: 1 without a number ('1,200'). "
        "'1,200': Write it with a decimal point, and without separators of thousands."
    )


def test_rows_without_features_count_with_all_their_rows(tmp_path):
    table = written(tmp_path, formula=[*NAMES, "He2Al4", "He2Al4"], y=range(32))
    text = left_out_text(read_measured(table, "y"), [("He2Al4", "no value of He")])
    assert text == "2 of 32 rows left out: 2 without features ('He2Al4')."
    assert not left_out_text(read_measured(table, "y"), [])


def test_a_table_of_too_few_numbers_says_what_they_are(tmp_path):
    table = written(tmp_path, formula=NAMES, y=["1.5 eV"] * 15 + list(range(15)))
    with pytest.raises(
        DataError,
        match=rf"15 compositions.*{FEWEST}.*15 without a number \('1.5 eV'\).*has a unit.* The first is row 1",
    ):
        read_measured(table, "y")


def test_a_condition_that_explains_different_values_is_named(tmp_path):
    table = written(
        tmp_path, formula=NAMES * 2, **{"T (K)": [100.0] * 30 + [300.0] * 30, "x": [1.0, 2] * 30},
        Eg=[*(1.0 + place for place in range(30)), *(3.0 + 3 * place for place in range(30))],
    )  # fmt: skip
    for transform, spread in (("none", "60 (")), ("log10", "a factor of 3 ("):
        measured = read_measured(table, "Eg", unit="", transform=transform)
        [note] = repeated_note(measured.spread, measured.unit, transform)
        assert note.startswith("30 compositions have several rows, 30 of them with different values")
        assert spread in note
        assert "vary within them: T (K). If" in note
    relative = float(note.partition("), ")[2].split()[0])
    assert 0.5 < relative < 5


def test_equal_values_of_one_composition_are_no_warning(tmp_path):
    table = written(tmp_path, formula=NAMES * 2, y=[*range(30), *range(30)], run=range(60, 0, -1))
    measured = read_measured(table, "y")
    assert (measured.spread.compositions, measured.spread.differing) == (30, 0)
    assert not repeated_note(measured.spread, "", "none")


def test_other_columns_of_formulas_are_named_if_none_was(tmp_path):
    table = written(tmp_path, precursor=NAMES, product=NAMES[::-1], Eg=range(30))
    assert formulas_text(read_measured(table, "Eg")) == "formulas: precursor; also possible: product (--formula)"
    assert formulas_text(read_measured(table, "Eg", "product")) == "formulas: product"


def test_the_command_says_so_before_it_trains_and_in_the_report(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = [str(value(name)) for name in NAMES]
    table = written(
        tmp_path, precursor=[*NAMES, NAMES[3], NAMES[4]], product=[*NAMES, NAMES[0], NAMES[0]], T=[100] * 30 + [300] * 2,
        Eg=[*values, "99", "~1.5"],
    )  # fmt: skip
    done = CliRunner().invoke(main, ["finetune", str(table), "--target", "Eg", "--base", str(file), "--quick"])
    assert done.exit_code == 0, done.output
    first, second, third, fourth = done.stderr.splitlines()[:4]
    assert first == "formulas: precursor; also possible: product (--formula)"
    assert second == "1 of 32 rows left out: 1 without a number ('~1.5')."
    assert third.startswith("1 compositions have several rows, 1 of them")
    assert fourth.startswith("30 compositions: fold 1")
    report = (tmp_path / "eg.md").read_text()
    for line in (first, second, f"**{third}**", "row 32, "):
        assert line in report
    page = " ".join((tmp_path / "eg.html").read_text().split())
    for text in ("also possible: product", "1 of 32 rows left out", "vary within them: T"):
        assert text in page
