"""Files that are made from the record, and rows that lost their evidence."""

import shutil
from pathlib import Path

import pytest
from factories.record import RUN

from elemflow.core.errors import DataError
from elemflow.record.cells import Planned
from elemflow.record.tables import check_rows, read_rows, write_tables

CELLS = "resources/record/cells.csv"
PLACE = f"resources/record/{RUN.path}"


def test_what_was_written_is_said_and_no_more(recorded: Path, planned: list[Planned]) -> None:
    assert write_tables(recorded, planned) == []
    (recorded / CELLS).unlink()
    assert write_tables(recorded, planned) == [CELLS]


def test_a_lost_row_stops_the_tables_until_it_is_dropped(recorded: Path, planned: list[Planned]) -> None:
    shutil.rmtree(recorded / PLACE)
    pages = (CELLS, "README.md", "resources/record/README.md")
    before = [(recorded / page).read_text() for page in pages]
    with pytest.raises(DataError, match=f"line 2: no evidence of {RUN.path} is left"):
        write_tables(recorded, planned)
    assert [(recorded / page).read_text() for page in pages] == before
    assert CELLS in write_tables(recorded, planned, {RUN.path})
    assert read_rows(recorded) == []


def test_marks_of_a_merge_are_passed_over(recorded: Path, planned: list[Planned]) -> None:
    header, row = (recorded / CELLS).read_text().splitlines()
    old = ",".join(header.split(",")[:-1])
    text = f"<<<<<<< ours\n{header}\n{row}\n=======\n{old}\n{row.rpartition(',')[0]}\n>>>>>>> theirs\n"
    (recorded / CELLS).write_text(text)
    assert [found["run"] for _, found in read_rows(recorded)] == [RUN.path] * 2
    assert write_tables(recorded, planned) == [CELLS]
    assert (recorded / CELLS).read_text() == f"{header}\n{row}\n"


def test_a_table_of_something_else_is_named(recorded: Path) -> None:
    (recorded / CELLS).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=f"{CELLS} has no columns"):
        check_rows(recorded)
