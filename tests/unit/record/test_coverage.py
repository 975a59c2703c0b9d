"""Coverage of the papers' tables, and the pages that show it."""

from dataclasses import replace

import pytest

from elemflow.record.cells import find_recorded
from elemflow.record.coverage import describe_missing, summarise, to_frame, to_markdown
from elemflow.record.evidence import FOLDER
from elemflow.record.tables import make_tables


@pytest.fixture(scope="module")
def recorded(planned):
    return find_recorded(planned, FOLDER)


def test_every_printed_error_is_counted_once(root, planned):
    lines = summarise(root, planned, [])
    assert lines[-1].printed == sum(line.printed for line in lines[:-1]) == 416
    assert {line.recorded for line in lines} == {0}
    table5 = next(line for line in lines if (line.study, line.table) == ("brnet2023", "T5"))
    assert table5.printed == 10
    assert 0 < table5.hours_at_least < table5.hours_at_most


def test_what_no_source_has_is_counted_with_its_reason(root, planned):
    lines = summarise(root, planned, [])
    energies = next(line for line in lines if (line.study, line.table) == ("irnet2019", "T4"))
    assert 0 < energies.no_data < energies.printed
    assert "total energies" in energies.reasons


def test_why_there_are_no_data_stands_under_the_table(root, planned):
    lines = summarise(root, planned, [])
    without = describe_missing(lines)
    assert without.startswith("No data: irnet2019 T4 (3): matminer's copy")
    assert "\n" not in without[:-1]
    assert describe_missing([replace(line, no_data=0) for line in lines]) == ""
    for page in ("docs/results/record.md", "resources/record/README.md"):
        assert f"\n\n{without}\n| paper, table" in make_tables(root, planned)[page]


def test_a_recorded_cell_leaves_the_hours_and_enters_its_verdict(root, planned, recorded):
    before = to_frame(summarise(root, planned, [])).set_index(["study", "table"]).loc["brnet2023", "T5"]
    for verdict, column in [
        ("reproduced", "reproduced"),
        ("not reproduced", "not_reproduced"),
        ("undecided", "undecided"),
        ("larger", "other_data"),
        ("other quantity", "other_quantity"),
    ]:
        cell = next(replace(each, verdict=verdict) for each in recorded if each.published_source == "brnet2023 T5")
        after = to_frame(summarise(root, planned, [cell])).set_index(["study", "table"]).loc["brnet2023", "T5"]
        assert (after["recorded"], after[column]) == (1, 1)
        assert after["hours_at_most"] < before["hours_at_most"]


def test_the_sum_of_a_paper_is_that_of_its_tables(root, planned, recorded):
    text = to_markdown(summarise(root, planned, recorded), by_table=False)
    assert "| brnet2023 | 207 |" in text
    assert "| all | 416 |" in text


def test_the_tables_of_the_record_are_those_of_its_evidence(root):
    for path, text in make_tables(root).items():
        assert (root / path).read_text(encoding="utf-8") == text, "python -m elemflow.tools.record writes it"
