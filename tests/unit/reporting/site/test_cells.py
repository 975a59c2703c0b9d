from dataclasses import replace

import pytest

from elemflow.reporting.site.cells import STATES, ListedCell, count_states, state_of
from elemflow.reporting.view import NO_DATA, Cell

DONE = Cell("0.1", "0.11", "", "+10 %", members=3, best=False, run="a/b/c/d/e")
LISTED = ListedCell("study", "table", "Table", "row", "column", DONE, "t.html#t-table", "")


@pytest.mark.parametrize(
    ("cell", "state"),
    [
        (replace(DONE, verdict="undecided"), "undecided"),
        (DONE, "not compared"),
        (replace(DONE, members=0, reproduced="not run"), "no result"),
    ],
)
def test_a_cell_without_a_verdict_says_why(cell, state):
    assert state_of(cell) == state
    assert state in STATES


def test_only_cells_with_a_published_value_count():
    cells = [LISTED, replace(LISTED, cell=replace(DONE, published=""))]
    assert count_states(cells) == dict.fromkeys(STATES, 0) | {"not compared": 1}


def test_a_cell_without_data_names_no_run():
    assert LISTED.run == "a/b/c/d/e"
    assert replace(LISTED, cell=replace(DONE, members=0, reproduced=NO_DATA, run="a/b/c/d/")).run == ""
