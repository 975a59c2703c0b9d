"""Fine-tuning on a table: what is read and refused, folds without leakage, the predictor and its report."""

import numpy as np
import pandas as pd
import pytest
from factories.base_toy import compositions, value
from threadpoolctl import threadpool_info, threadpool_limits

from elemflow.base import finetuning
from elemflow.base.predictor import BasePredictor
from elemflow.base.table import FEWEST, implausible, read_measured
from elemflow.chemistry.composition import canonical
from elemflow.core.errors import DataError
from elemflow.multitask.file import read_base
from elemflow.multitask.finetune import FINE_TUNING, nearest_head, schedule_of


@pytest.fixture(name="table")
def _table(tmp_path):
    names = compositions(60)
    rows = {"compound": names, "Tc (K)": [3 * value(name) + 10 for name in names]}
    pd.DataFrame(rows).to_csv(tmp_path / "my.csv", index=False)
    return tmp_path / "my.csv"


def rows_of(base, path, target="Tc (K)"):
    return finetuning.featurize(base, read_measured(path, target))[0]


def test_a_table_is_read_with_its_unit_and_medians(tmp_path):
    names = compositions(FEWEST)
    rows = [(name, 1.0 * place) for place, name in enumerate(names)]
    rows += [(names[0], 100.0), (names[0], 200.0), ("Xx2O", 1.0), ("NaCl3", "n/a")]
    pd.DataFrame(rows, columns=["formula", "Tc [K]"]).to_csv(tmp_path / "t.csv", index=False)
    measured = read_measured(tmp_path / "t.csv", "Tc [K]")
    assert (measured.target, measured.unit, len(measured.values)) == ("Tc", "K", FEWEST)
    assert dict(zip(measured.compositions, measured.values, strict=True))[names[0]] == 100
    assert measured.repeated == 3
    assert [(each.row, each.formula) for each in measured.rejected] == [(FEWEST + 3, "Xx2O"), (FEWEST + 4, "NaCl3")]


@pytest.mark.parametrize(
    ("values", "pattern"),
    [([1.0, 2, 3, 4, 5], f"5 compositions.*{FEWEST}"), ([2.0] * 30, "all 30 values of 'y' are 2")],
)
def test_too_few_rows_and_a_constant_are_refused(tmp_path, values, pattern):
    pd.DataFrame({"formula": compositions(len(values)), "y": values}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=pattern):
        read_measured(tmp_path / "t.csv", "y")


def test_numbers_are_those_that_curation_reads(tmp_path):
    names = compositions(FEWEST + 6)
    cells = [*(f"{place},5" for place in range(FEWEST)), "2.5", "1_0", "1.234,5", "inf", "−7,5", "-9999"]
    rows = "".join(f"{name};{cell}\n" for name, cell in zip(names, cells, strict=True))
    (tmp_path / "t.csv").write_text(f"formula;Eg (eV)\n{rows}", encoding="utf-8")
    measured = read_measured(tmp_path / "t.csv", "Eg (eV)")
    assert sorted(measured.values)[:3] == [-9999, -7.5, 0.5]
    both = "It has a decimal point, and other numbers of the table a decimal comma: write all in one way"
    assert [(each.row, each.reason) for each in measured.rejected] == [
        (FEWEST + 1, f"'2.5' is no number. {both}"),
        (FEWEST + 2, "'1_0' is no number"),
        (FEWEST + 3, "'1.234,5' is no number. It has separators of thousands: remove them"),
        (FEWEST + 4, "'inf' is no number"),
    ]
    (note,) = implausible(measured)
    assert "the value -9999 is far from all others (-7.5 to 19.5)" in note


def test_rows_without_features_are_named_as_the_table_writes_them(file, table):
    with table.open("a") as stream:
        stream.write("He2 Al4,5.5\n")
    rows, lost = finetuning.featurize(read_base(file), read_measured(table, "Tc (K)"))
    assert len(rows.compositions) == 60
    assert [(formula, "He" in reason) for formula, reason in lost] == [("He2 Al4", True)]


def test_a_missing_column_is_named(table):
    with pytest.raises(DataError, match=r"'Tx'.*Tc \(K\)"):
        read_measured(table, "Tx")


@pytest.mark.parametrize("unit", ["K", "W/(m K)"])
def test_a_column_is_found_without_its_unit(table, unit):
    table.write_text(table.read_text().replace("Tc (K)", f"Tc ({unit})"))
    measured = read_measured(table, "Tc")
    assert (measured.target, measured.unit) == ("Tc", unit)


@pytest.mark.parametrize(("content", "message"), [(b"", "t.csv: the file is empty"), (b"\x80\xff" * 9, "not UTF-8")])
def test_what_is_no_table_is_named_without_keys_of_a_dataset(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        read_measured(tmp_path / "t.csv", "y")
    assert "source." not in str(raised.value)


def test_values_without_logarithm_are_left_out(tmp_path):
    names = compositions(FEWEST + 1)
    pd.DataFrame({"formula": names, "y": [0.0, *range(1, FEWEST + 1)]}).to_csv(tmp_path / "t.csv", index=False)
    measured = read_measured(tmp_path / "t.csv", "y", transform="log10")
    assert len(measured.rejected) == 1
    np.testing.assert_allclose(10**measured.y, measured.values)


def test_no_model_sees_a_test_row_of_its_fold(file, table, monkeypatch):
    base = read_base(file)
    rows = rows_of(base, table)
    fitted, trained = finetuning.fit_and_predict, []

    def spy(method, base, train, x, seed, notify):
        trained.append((method, set(train.compositions), {row.tobytes() for row in x}))
        return fitted(method, base, train, x, seed, notify)

    monkeypatch.setattr(finetuning, "fit_and_predict", spy)
    compared = finetuning.compare(base, rows, seed=1, methods=["base", "constant"], folds=3)
    assert len(trained) == 6
    features = {name: x.tobytes() for name, x in zip(rows.compositions, rows.x, strict=True)}
    for _, compositions_trained, tested in trained:
        assert not {features[name] for name in compositions_trained} & tested
    assert sorted(np.bincount(compared.folds)) == [20, 20, 20]


def test_rows_of_one_composition_are_in_one_fold(file, tmp_path):
    names = compositions(30)
    doubled = [*names, *(f"{name}" for name in names)]
    pd.DataFrame({"formula": doubled, "y": range(60)}).to_csv(tmp_path / "t.csv", index=False)
    measured = read_measured(tmp_path / "t.csv", "y")
    assert len(measured.compositions) == len({canonical(name) for name in names})


def test_fine_tuning_profits_from_the_base_and_finds_its_head(file, table):
    base = read_base(file)
    rows = rows_of(base, table)
    compared = finetuning.compare(base, rows, seed=0, methods=["base", "constant"])
    errors = {name: np.abs(found - rows.y).mean() for name, found in compared.predictions.items()}
    assert errors["base"] < 0.5 * errors["constant"]
    ensemble = finetuning.fit_ensemble(base, rows, 0)
    place, correlation = finetuning.nearest_of(ensemble)
    assert base.heads[place] in {"z_gap", "b_modulus"}
    assert correlation > 0.8
    assert compared.heads["z_gap"] == int(np.sum(base.seen.masks(rows.compositions) & np.uint64(1) > 0))


def test_the_command_writes_a_predictor_and_a_report(file, table, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from elemflow.cli.main import main

    monkeypatch.chdir(tmp_path)
    arguments = ["finetune", str(table), "--target", "Tc (K)", "--base", str(file), "--quick", "-o", "tc.elemflow"]
    threads = set[int]()
    compare = finetuning.compare

    def watched(*given, **named):
        threads.update(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")
        return compare(*given, **named)

    monkeypatch.setattr(finetuning, "compare", watched)
    with threadpool_limits(2, "blas"):
        done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert threads == {1}  # whatever the machine has: other sums give other bytes
    report = (tmp_path / "tc.md").read_text()
    for part in ("Tc [K]", "base, fine-tuned", "new to the base", "Intervals"):
        assert part in report
    frame = BasePredictor(tmp_path / "tc.elemflow").frame(["LiO", "NaFeO2"])
    assert (frame["tc_lower"] < frame["tc"]).all()
    page = (tmp_path / "tc.html").read_text()
    for part in ("<h1>Tc (K)</h1>", "base, fine-tuned", "below median", "Largest errors", "<style>"):
        assert part in page
    assert "http" not in page
    assert done.stderr.splitlines()[0] == "60 compositions: fold 1 of 5"
    first = (tmp_path / "tc.elemflow").read_bytes(), page
    CliRunner().invoke(main, arguments)
    assert ((tmp_path / "tc.elemflow").read_bytes(), (tmp_path / "tc.html").read_text()) == first
    shown = CliRunner().invoke(main, ["predict", "LiO", "--model", "tc.elemflow"])
    assert "Tc" in shown.output


def test_the_minimum_is_that_of_the_command_and_no_guess_from_the_values(file, table, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from elemflow.cli.main import main

    monkeypatch.chdir(tmp_path)
    arguments = ["finetune", str(table), "--target", "Tc", "--base", str(file), "--quick"]
    assert min(read_measured(table, "Tc").y) >= 0
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert read_base(tmp_path / "tc.elemflow").facts.heads[0].minimum is None
    done = CliRunner().invoke(main, [*arguments, "--minimum", "0"])
    assert done.exit_code == 0, done.output
    assert read_base(tmp_path / "tc.elemflow").facts.heads[0].minimum == 0
    shown = CliRunner().invoke(main, ["info", "tc.elemflow"])
    assert "Predictions and intervals end at 0 K, as `--minimum` says." in shown.output
    done = CliRunner().invoke(main, [*arguments, "--minimum", "1000"])
    assert done.exit_code == 1
    assert "values are below --minimum 1000" in done.stderr
    assert CliRunner().invoke(main, [*arguments, "--minimum", "-inf"]).exit_code == 2


def test_units_that_may_be_mixed_up_and_unknown_elements_are_named(file, table):
    from elemflow.cli.finetune import _notes

    base = read_base(file)
    rows = rows_of(base, table)
    assert not _notes(base, rows, "K", "Gap", "eV")
    [note] = _notes(base, rows, "kJ/mol", "Formation energy", "eV/atom")
    assert "kJ/mol" in note
    strange = rows._replace(compositions=["UO2", *rows.compositions[1:]])
    [note] = _notes(base, strange, "", "Gap", "eV")
    assert "U;" in note


def test_formulas_that_look_mistyped_are_named(tmp_path):
    from elemflow.cli.finetune import _mistyped

    rows = [(name, place) for place, name in enumerate([*compositions(FEWEST), "Fe203", "SiO02"])]
    pd.DataFrame(rows, columns=["formula", "y"]).to_csv(tmp_path / "t.csv", index=False)
    measured = read_measured(tmp_path / "t.csv", "y")
    [note] = _mistyped(measured)
    assert note.startswith("Fe203: did you mean Fe2O3? (2 formulas")
    assert measured.formulas[measured.compositions.index(canonical("Fe203"))] == "Fe203"


def test_steps_are_notified_as_they_are_listed(file, table):
    base, methods = read_base(file), ["base", "trees", "constant"]
    notified = []
    finetuning.compare(base, rows_of(base, table), seed=0, methods=methods, folds=2, notify=lambda: notified.append(1))
    listed = finetuning.steps(methods, 2)
    final = [step for step in listed if step.stage == "predictor from all rows"]
    assert len(notified) == len(listed) - len(final) == 2 * (finetuning.MEMBERS + 2)
    assert {step.weight for step in final} == {2}


def test_values_with_the_unit_of_the_nearest_property_and_another_scale_are_named(file, table):
    from elemflow.cli.finetune import _scale_note

    base = read_base(file)
    rows, place = rows_of(base, table), base.heads.index("z_gap")
    once = finetuning.times_of_head(base, rows, place, "none")
    assert finetuning.times_of_head(base, rows._replace(y=96.5 * rows.y), place, "none") == pytest.approx(96.5 * once)
    head = base.facts.heads[place]
    [note] = _scale_note("eV", head, 0.9, 96.5)
    assert "96.5" in note
    assert not _scale_note("eV", head, 0.9, 1.3)
    assert not _scale_note("eV", head, 0.1, 96.5)
    assert not _scale_note("K", head, 0.9, 96.5)


def test_the_nearest_head_may_run_the_other_way():
    y = np.arange(5.0)
    outputs = np.stack([np.ones(5), -2 * y + 1, np.array([0, 1, 0, 1, 0.0])], axis=1)
    found = nearest_head(outputs, y)
    assert found.head == 1
    assert found.correlation == pytest.approx(1)


def test_schedules_grow_with_the_rows():
    steps = [schedule_of(rows).steps(rows) for rows in (20, 300, 1_000, 5_000, 100_000)]
    assert steps == sorted(steps)
    assert steps[0] >= FINE_TUNING[0][1].fewest_steps
