import json
import math
import re
from dataclasses import replace

import pandas as pd
import pytest
from docutils.core import publish_doctree, publish_string
from factories.reporting import (
    check_failure_is_shown,
    make_cell,
    make_table,
    name_run,
    place,
    planned,
    view_of,
    write_run,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.evaluation.metrics import evaluate
from elemflow.reporting import text as words
from elemflow.reporting.results import read_score
from elemflow.reporting.tables.kinds.errors import BUILDER, render_text

HOSTILE = r"a_b*c|d`e<script>&%$#{}~^\ __init__ **x** 50 % x_"


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "runs"
    errors = {"brnet": [0.095, 0.097, 0.099], "bnet": [0.101, 0.103, 0.102], "automl": [0.1139]}
    folders = {name_run(model): write_run(root, name_run(model), values) for model, values in errors.items()}
    return {run: folder / "metrics.json" for run, folder in folders.items()}


@pytest.fixture
def curation(tmp_path):
    path = tmp_path / "curation.json"
    path.write_text(json.dumps({"materials": 2135}))
    return {"kefe": path}


def make_mixed():
    return make_table(["BRNet", "BNet", "AutoML", "IRNet"], ["0.096", None, "0.110", "0.108"])


def read_all(outputs):
    return {name: path.read_text(encoding="utf-8") for name, path in outputs.items()}


def test_cells_join_published_and_reproduced(runs):
    cells = BUILDER.collect_frame(planned(make_mixed()), runs, {}).set_index("column")
    brnet = cells.loc["BRNet"]
    assert brnet["published"] == "0.096"
    assert brnet["reproduced"] == pytest.approx(0.097)
    assert brnet["spread"] == pytest.approx(0.002)
    assert brnet["difference"] == pytest.approx(0.001)
    assert brnet["difference_percent"] == pytest.approx(100 / 96)
    assert (brnet["members"], brnet["test_rows_min"], brnet["run"]) == (3, 40, name_run("brnet"))
    assert pd.isna(cells.loc["BNet", "published"])
    assert pd.isna(cells.loc["BNet", "difference"])
    assert pd.isna(cells.loc["AutoML", "spread"])
    assert cells.loc["IRNet", "members"] == 0
    assert pd.isna(cells.loc["IRNet", "reproduced"])


def test_every_format_shows_values_caption_and_missing_run(tmp_path, runs, curation):
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(make_mixed()), runs, curation, outputs)
    texts = read_all(outputs)
    for name in ("text", "md", "html"):
        for part in (
            "0.096",
            "0.0970",
            "0.0020",
            "+1.0\u202f%",
            "+3.5\u202f%",
            "not run",
            "2,135 materials",
            "kim2017",
        ):
            assert part in texts[name], (name, part)
        assert "81 % training, 9 % validation" in texts[name]
        assert "sample standard deviation" in " ".join(texts[name].split())
        assert "has one member, no spread" in " ".join(texts[name].split())
    assert r"\textbf{0.0970 \ensuremath{\pm} 0.0020}" in texts["tex"]
    assert texts["html"].count('class="value best"') == 1
    assert f'title="{name_run("brnet")}"' in texts["html"]
    assert "**0.0970 ± 0.0020**" in texts["text"]
    assert (
        pd.testing.assert_frame_equal(
            BUILDER.read_frame(outputs["csv"]), BUILDER.collect_frame(planned(make_mixed()), runs, curation)
        )
        is None
    )


def drop_rows(metrics, *lost):
    """Note dropped rows without features and without a value for each member of a run that used 400 materials."""
    path = metrics.with_name("run_info.json")
    info = read_json(path)
    for member, (features, value) in zip(info["members"].values(), lost, strict=True):
        member["dropped_rows"] = {"without_features": features, "without_value": value}
    write_json(path, info)


def test_materials_without_features_are_said_of_the_cell(tmp_path, runs, curation):
    drop_rows(runs[name_run("brnet")], (30, 5), (30, 5), (30, 5))
    drop_rows(runs[name_run("bnet")], (30, 0), (0, 0), (10, 0))
    drop_rows(runs[name_run("automl")], (0, 0))
    curation["kefe"].write_text(json.dumps({"materials": 435, "properties": {"formation_energy": {"values": 430}}}))
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(make_mixed()), runs, curation, outputs)
    notes = BUILDER.read_frame(outputs["csv"]).set_index("column")["note"]
    assert notes["BRNet"] == "400 of 430 materials have features"
    assert notes["BNet"] == "400 of 400 to 400 of 430 materials have features"
    assert pd.isna(notes["AutoML"])
    texts = read_all(outputs)
    for name in ("text", "md", "tex", "html"):
        assert "400 of 430 materials have features; " in " ".join(texts[name].split()), name
    assert texts["html"].count("400 with features") == 2


def test_materials_without_a_value_are_said_where_the_size_counts_them(runs, curation):
    drop_rows(runs[name_run("automl")], (0, 35))
    curation["kefe"].write_text(json.dumps({"materials": 435}))
    note = BUILDER.collect_frame(planned(make_mixed()), runs, curation).set_index("column")["note"]["AutoML"]
    assert note == "400 of 435 materials have a value"
    curation["kefe"].write_text(json.dumps({"materials": 435, "properties": {"formation_energy": {"values": 400}}}))
    assert pd.isna(BUILDER.collect_frame(planned(make_mixed()), runs, curation).set_index("column")["note"]["AutoML"])


def in_units(units):
    """Return a table with a row per list of units, one unit per column."""
    cfg = make_table([f"model {number}" for number in range(len(units[0]))], [None] * len(units[0]))
    cfg["rows"] = [{"label": f"row {number}"} for number in range(len(units))]
    cfg["cells"] = [
        make_cell("brnet", column, None, row=row) | {"unit": unit}
        for row, line in enumerate(units)
        for column, unit in enumerate(line)
    ]
    return cfg


def test_a_unit_that_all_rows_share_is_in_the_caption(tmp_path, runs):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(in_units([["eV"], ["eV"]])), runs, {}, outputs)
    for name, text in read_all(outputs).items():
        assert name == "csv" or "Mean absolute error on the test set, in eV." in " ".join(text.split()), name
        assert "row 0 (" not in text, name


def test_units_that_differ_stand_beside_the_labels(tmp_path, runs):
    cfg = in_units([["eV"], ["kJ/mol"], ["eV/atom"], ["1"]])
    cfg["rows"][2]["label"] = "energy (eV/atom)"
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    for name, text in read_all(outputs).items():
        assert name == "csv" or ("row 0 (eV)" in text and "row 1 (kJ/mol)" in text), name
        assert "(eV/atom) (eV/atom)" not in text, name
        assert "row 3 (" not in text, name
        assert ", in " not in text, name


def test_units_of_columns_stand_beside_theirs(runs):
    view = view_of(BUILDER, in_units([["eV", "GPa"], ["eV", "GPa"]]), runs)
    assert view.columns == ("model 0 (eV)", "model 1 (GPa)")
    assert [label for label, _ in view.rows] == ["row 0", "row 1"]


def test_labels_of_papers_that_have_their_unit_stay(runs):
    view = view_of(BUILDER, make_mixed(), runs)
    assert view.rows[0][0] == "KEFE · formation enthalpy (eV/atom)"
    assert view.columns == ("BRNet", "BNet", "AutoML", "IRNet")
    assert ", in eV/atom" not in " ".join(view.caption)


def test_a_score_without_a_unit_says_none(runs):
    view = view_of(BUILDER, in_units([["eV"], ["eV"]]) | {"metric": "r2"}, runs)
    assert [label for label, _ in view.rows] == ["row 0", "row 1"]
    assert view.caption[0].startswith("Coefficient of determination R² on the test set.")


def test_a_verdict_colours_its_cell_and_nothing_else(tmp_path, runs, curation):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_mixed()), runs, curation, outputs)
    page = outputs["html"].read_text(encoding="utf-8")
    looks = re.findall(r'<td class="([^"]+)" data-label="([^"]+)"', page)
    verdicts = BUILDER.read_frame(outputs["csv"]).dropna(subset="verdict")
    assert looks == [(row["verdict"].replace(" ", "-"), row["column"]) for _, row in verdicts.iterrows()]
    assert looks


def test_columns_of_plain_text_are_aligned(tmp_path, runs):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_mixed()), runs, {}, outputs)
    lines = outputs["text"].read_text(encoding="utf-8").splitlines()
    rule = next(line for line in lines if line.startswith("="))
    ends = [position for position, sign in enumerate(rule + " ") if sign == " " and rule[position - 1] == "="]
    for line in (line for line in lines if line.startswith(("BRNet", "BNet", "AutoML", "IRNet"))):
        padded = line.ljust(len(rule) + 1)
        assert all(padded[end] == " " and padded[end - 1] != " " for end in ends[1:])


def test_outputs_have_equal_bytes(tmp_path, runs, curation):
    first, second = place(tmp_path / "a", "table"), place(tmp_path / "b", "table")
    BUILDER.write(planned(make_mixed()), runs, curation, first)
    BUILDER.write(planned(make_mixed()), dict(reversed(runs.items())), curation, second)
    assert all(first[name].read_bytes() == second[name].read_bytes() for name in first)


def test_nothing_run_is_not_a_crash(tmp_path):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_mixed()), {}, {}, outputs)
    assert outputs["text"].read_text(encoding="utf-8").count("not run") == 5  # four cells and the caption
    assert "number of materials not known" in " ".join(outputs["text"].read_text(encoding="utf-8").split())


def test_unknown_metric_names_file_and_choices(runs):
    with pytest.raises(DataError, match=r"metrics\.json: no metric 'mape'.*found mae"):
        BUILDER.collect_frame(planned(make_mixed() | {"metric": "mape"}), runs, {})


def test_foreign_metrics_file_is_refused(tmp_path, runs):
    runs[name_run("brnet")].write_text("[]")
    with pytest.raises(DataError, match="not a metrics file"):
        BUILDER.collect_frame(planned(make_mixed()), runs, {})


def test_one_column_or_mixed_rows_have_no_best(runs):
    alone = make_table(["BRNet"], ["0.096"])
    assert not view_of(BUILDER, alone, runs).rows[0][1][0].best
    mixed = make_mixed()
    mixed["cells"][1]["dataset"] = "kebg"
    view = view_of(BUILDER, mixed, runs)
    assert not any(cell.best for cell in view.rows[0][1])
    assert "bold" not in " ".join(view.caption)


def test_errors_of_different_test_materials_have_no_best(runs):
    table = make_mixed()
    table["cells"][1]["protocol"] = "recipe"
    table["protocols"]["recipe"] = "the recipe"
    table["scales"]["recipe"] = dict(table["scales"]["brnet2023"])
    assert any(cell.best for cell in view_of(BUILDER, table, runs).rows[0][1])
    table["scales"]["recipe"]["tests"] = "b"
    assert not any(cell.best for cell in view_of(BUILDER, table, runs).rows[0][1])


def test_recorded_values_of_fewer_members_are_of_other_test_materials(runs):
    table = make_mixed()
    ran = [cell["run"] for cell in table["cells"] if cell.get("run")]
    table["recorded"] = {run: {"commit": "0123", "finished": "2026-01-02"} for run in ran}
    table["scales"]["brnet2023"]["drawn_tests"] = 1
    lines = list(BUILDER.collect(planned(table), runs, {}))
    assert any(cell.best for cell in BUILDER.view(planned(table), lines, {}).rows[0][1])
    table["scales"]["brnet2023"]["drawn_tests"] = 3
    changed = [
        replace(line, members=1) if number == 0 else replace(line, members=3) for number, line in enumerate(lines)
    ]
    assert not any(cell.best for cell in BUILDER.view(planned(table), changed, {}).rows[0][1])


def test_table_without_published_values_leaves_their_lines_out(tmp_path, runs):
    cfg = make_table(["BRNet", "BNet"], [None, None])
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    texts = read_all(outputs)
    assert 'class="published"' not in texts["html"]
    assert "published &" not in texts["tex"]
    assert "—" not in texts["md"]


def test_gap_in_the_grid_stays_empty(runs):
    cfg = make_table(["BRNet", "BNet"], ["0.096", "0.1"])
    cfg["rows"].append({"label": "second"})
    cfg["cells"].append(make_cell("bnet", 1, "0.1", row=1))
    view = view_of(BUILDER, cfg, runs)
    assert view.rows[1][1][0] is None
    assert view.rows[1][1][1].reproduced == "0.102"


def test_hostile_labels_are_escaped_everywhere(tmp_path, runs):
    cfg = make_mixed() | {"title": HOSTILE, "note": HOSTILE}
    cfg["rows"][0]["label"] = HOSTILE
    cfg["columns"][0]["label"] = HOSTILE
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    texts = read_all(outputs)
    assert "<script>" not in texts["html"]
    assert r"\&\%\$\#\{\}" in texts["tex"]
    assert r"a\_b\*c\|d" in texts["md"]
    pseudo = publish_string(texts["text"], writer="pseudoxml", settings_overrides={"halt_level": 2}).decode()
    assert "system_message" not in pseudo
    assert pseudo.count("<script>&%$#{}~^\\ __init__ **x** 50 % x_") >= 3


@given(
    st.text(st.sampled_from("ab1 _*`|:.-+=~>()[]\\\\/@<é·±•#\"'"), min_size=1).flatmap(
        lambda text: st.sampled_from([f"{text}z", f"z{text}"])
    )
)
@settings(max_examples=400, deadline=None)
def test_escaped_paragraph_survives_docutils(text):
    document = publish_doctree(f"{words.escape_rst(text)}\n", settings_overrides={"report_level": 5, "halt_level": 5})
    assert document.astext() == " ".join(text.split())
    assert [child.tagname for child in document.children] == ["paragraph"]


@given(st.floats(1e-6, 1e6))
def test_numbers_have_three_significant_digits(value):
    decimals = words.count_decimals(value)
    assert float(f"{value:.{decimals}f}") == pytest.approx(value, rel=5.1e-3 if value >= 1e-5 else 0.1)


@pytest.mark.parametrize(
    ("value", "printed", "decimals"),
    [(0.0961, "0.096", 4), (21.02, "21.02", 2), (412.0, None, 0), (0, "0.0", 1), (2.1e-5, "0.294", 5)],
)
def test_decimals_respect_printed_precision(value, printed, decimals):
    assert words.count_decimals(value, printed) == decimals


def test_percent_signs():
    shown = [words.format_percent(value) for value in (0.04, -0.04, 12.34, -12.34, 250.4, math.inf)]
    assert shown == [f"{text}\u202f%" for text in ("0.0", "0.0", "+12.3", "−12.3", "+250", "+∞")]
    assert words.format_number(-math.pi, 2) == "−3.14"


def test_missing_data_are_named_with_their_reason(tmp_path, runs):
    table = make_table(["BRNet", "IRNet"], ["0.096", "0.1"])
    table["cells"][1]["missing"] = "IRNet's data are not public."
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(table), runs, {}, outputs)
    text = " ".join(outputs["text"].read_text().split())
    assert "no data" in text
    assert "not run" not in text
    assert "IRNet's data are not public (1)." in text
    assert BUILDER.read_frame(outputs["csv"])["missing"].tolist()[1] == "IRNet's data are not public."


def test_results_of_others_are_marked_as_listed(tmp_path, runs):
    table = make_table(["BRNet", "IRNet"], ["0.096", "0.1"])
    table["cells"][1] |= {"missing": "results of others, not computed here", "protocol": ""}
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(table), runs, {}, outputs)
    text = " ".join(outputs["text"].read_text().split())
    assert "Marked “listed”, with the number of cells: results of others, not computed here (1)." in text
    assert "no data" not in text
    assert "not run" not in text


def test_a_metric_that_a_member_lacks_is_undefined_and_not_a_missing_run(tmp_path, runs):
    folder = tmp_path / "other" / name_run("irnet")
    folder.mkdir(parents=True)
    table = pd.DataFrame({"material_id": ["A", "B", "C", "D"], "member": [0, 0, 1, 1], "role": "test"})
    table.assign(y_true=[0.1, 0.1, 1, 2], y_pred=0.0).to_parquet(folder / "predictions.parquet")
    write_json(folder / "metrics.json", evaluate(folder / "predictions.parquet").plain())
    cfg = make_table(["BRNet", "IRNet"], [None, None]) | {"metric": "r2"}
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(cfg), runs | {name_run("irnet"): folder / "metrics.json"}, {}, outputs)
    for name in ("text", "md", "tex", "html"):
        page = " ".join(outputs[name].read_text(encoding="utf-8").split())
        assert "undefined: in 1 of 2 members" in page, name
        assert "1 of 2 cells, as a member was tested on fewer than two different values." in page, name
        assert "not run" not in page, name
    assert BUILDER.read_frame(outputs["csv"])["reproduced"].isna().tolist() == [False, True]


def test_a_failed_run_is_shown_with_its_error_and_log(tmp_path, runs):
    outputs = check_failure_is_shown(BUILDER, make_mixed(), runs, tmp_path, name_run("irnet"))
    assert len(BUILDER.read_frame(outputs["csv"])["log"].dropna()) == 1


def test_members_are_in_their_order_and_the_best_is_not_called_a_mean(tmp_path):
    errors = [0.2 - 0.01 * number for number in range(12)]
    folder = write_run(tmp_path, name_run("brnet"), errors)
    write_json(folder / "metrics.json", evaluate(folder / "predictions.parquet", "best_on_test").plain())
    assert read_score(folder / "metrics.json", "mae").per_member == pytest.approx(errors)
    cfg, runs = make_table(["BRNet"], ["0.096"]), {name_run("brnet"): folder / "metrics.json"}
    caption = " ".join(view_of(BUILDER, cfg, runs).caption)
    assert "A value without ± of 12 members is that of the member with the lowest test error." in caption
    assert "means over" not in caption
    assert "0.0900" in render_text(view_of(BUILDER, cfg, runs))


@pytest.mark.parametrize(
    ("runs", "parts"),
    [
        ([], ["No run has a result yet."]),
        ([(1, None)], ["comes from one member or ensemble"]),
        ([(3, 0.1), (10, 0.1), (1, None)], ["means over 3–10 members", "A value without ± has one member"]),
        (
            [(3, 0.1), (5, None), (1, None)],
            ["means over 3 members", "± of 5 members is that of the member with the lowest test error", "no ± either"],
        ),
    ],
)
def test_what_values_are_is_said_for_every_kind_of_run(runs, parts):
    assert all(part in words.describe_spread(runs) for part in parts)


def test_r2_is_written_as_it_is_and_has_no_unit(runs):
    cfg = make_mixed() | {"metric": "r2"}
    cells = BUILDER.collect_frame(planned(cfg), runs, {})
    assert view_of(BUILDER, cfg, runs).caption[0].startswith("Coefficient of determination R² on the test set")
    assert set(cells["unit"]) == {"1"}


def test_a_label_that_a_spreadsheet_would_compute_is_a_text_in_the_csv(tmp_path, runs):
    cfg = make_mixed()
    cfg["rows"][0]["label"] = "=1+1"
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    texts = read_all(outputs)
    assert "'=1+1" in texts["csv"]
    assert "'=1+1" not in texts["html"]
    assert "=1+1" in texts["html"]
