"""Tables of permutation importance."""

import pandas as pd
import pytest
from factories.reporting import make_table, name_run, place, planned, view_of, write_run

from elemflow.core.errors import DataError
from elemflow.reporting.tables.kinds.important_inputs import BUILDER

INCREASES = {
    ("pa", "mean Electronegativity"): (0.03, 0.05),
    ("pa", "mean NpValence"): (0.02, -0.03),
    ("pa", "max ionic char"): (0.01, 0.01),
    ("ef", "Fe"): (0.2, 0.0),
    ("ef", "O"): (0.0, 0.0),
}


@pytest.fixture
def shuffled(tmp_path):
    """A run of two members and five inputs, of which three raise the error on average."""
    cfg = make_table(["BRNet"], ["0.096"]) | {"kind": "important_inputs", "table": "inputs"}
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.2, 0.3])
    lines = [(n, part, name, both[n]) for (part, name), both in INCREASES.items() for n in (0, 1)]
    pd.DataFrame(lines, columns=["member", "part", "feature", "increase"]).to_csv(
        folder / "importance.csv", index=False
    )
    return cfg, {name_run("brnet"): folder / "metrics.json"}


def line_of(cfg, runs, tmp_path, inputs=""):
    cells = [{**cell, **({"inputs": inputs} if inputs else {})} for cell in cfg["cells"]]
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg | {"cells": cells}), runs, {}, outputs)
    [line] = BUILDER.read(outputs["csv"])
    return line


def test_inputs_that_raise_the_error_are_counted_by_the_mean_over_members(shuffled, tmp_path):
    line = line_of(*shuffled, tmp_path)
    assert (line.inputs, line.counted_inputs, line.raising, line.raising_percent) == (None, 5, 3, 60)
    assert (line.best_input, line.best_rank, line.all_inputs, line.best_rank_percent) == ("Fe", 1, 5, 20)


@pytest.mark.parametrize(
    ("inputs", "raising", "rank"), [("Electronegativity", 1, 2), ("ionic char", 1, 3), ("NpValence", 0, 5)]
)
def test_named_inputs_have_their_best_rank_among_all(shuffled, tmp_path, inputs, raising, rank):
    line = line_of(*shuffled, tmp_path, inputs)
    assert (line.counted_inputs, line.raising, line.best_rank) == (1, raising, rank)
    assert inputs in line.best_input


def test_a_name_that_no_input_has_is_refused_with_the_key(shuffled, tmp_path):
    with pytest.raises(DataError, match="no input has 'Hardness' in its name, as the key 'inputs'"):
        line_of(*shuffled, tmp_path, "Hardness")


def test_the_page_shows_count_and_rank(shuffled):
    cells = view_of(BUILDER, *shuffled).rows[0][1]
    assert [cell.reproduced for cell in cells][1:] == ["3 of 5", "1 of 5 (Fe)"]


def test_a_run_without_a_result_has_no_ranks(shuffled):
    cells = view_of(BUILDER, shuffled[0], {}).rows[0][1]
    assert [cell.reproduced for cell in cells][1:] == ["—"] * 2
