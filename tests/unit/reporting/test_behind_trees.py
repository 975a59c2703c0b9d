import logging

import pytest
from factories.reporting import make_cell, make_table, name_run, place, planned, write_run

from elemflow.core.files import read_json, write_json
from elemflow.reporting.tables.kinds.errors import BUILDER

TREES = {"kind": "estimator", "estimator": "extra_trees"}
RIDGE = {"kind": "estimator", "estimator": "ridge"}


def collect(tmp_path, runs, cfg=None):
    """Return the note of each column, given the errors of the members and the model of each run."""
    metrics = {}
    for column, (errors, model) in runs.items():
        run = name_run(column.lower())
        metrics[run] = write_run(tmp_path / "runs", run, errors, model=model) / "metrics.json"
    table = planned(cfg or make_table(list(runs), [None] * len(runs)))
    return table, metrics, {line.column: line.note or "" for line in BUILDER.collect(table, metrics, {})}


NETWORK = {"kind": "network"}


def test_a_network_with_twice_the_error_of_trees_has_a_remark_and_a_warning(tmp_path, caplog):
    runs = {"Net": ([0.546, 0.55, 0.54], NETWORK), "Trees": ([0.254] * 3, TREES), "Ridge": ([0.1] * 3, RIDGE)}
    with caplog.at_level(logging.WARNING):
        table, metrics, notes = collect(tmp_path, runs)
    assert notes == {"Net": "clearly behind the trees of this table: Trees, 0.254", "Trees": "", "Ridge": ""}
    warning = "\n".join(record.getMessage() for record in caplog.records)
    assert "brnet2023/table5" in warning
    assert "0.545" in warning
    assert "0.254 of Trees" in warning

    outputs = place(tmp_path / "out", "table")
    BUILDER.write(table, metrics, {}, outputs)
    for name in ("text", "csv", "md", "tex", "html"):
        shown = " ".join(outputs[name].read_text(encoding="utf-8").split())
        assert "clearly behind the trees of this table: Trees, 0.254" in shown, name


@pytest.mark.parametrize(
    ("network", "trees", "behind"),
    [
        ([0.104] * 3, [0.1] * 3, False),  # 4 %
        ([0.106] * 3, [0.1] * 3, True),  # 6 %, and no member differs
        ([0.08, 0.13, 0.108], [0.1] * 3, False),  # 6 %, but the members differ by more
        ([0.09] * 3, [0.1] * 3, False),
    ],
)
def test_clearly_is_more_than_5_percent_and_more_than_the_members_differ(tmp_path, network, trees, behind):
    _, _, notes = collect(tmp_path, {"Net": (network, NETWORK), "Trees": (trees, TREES)})
    assert bool(notes["Net"]) is behind


def test_the_sampling_of_the_test_set_counts(tmp_path):
    table, metrics, notes = collect(tmp_path, {"Net": ([0.12] * 3, NETWORK), "Trees": ([0.1] * 3, TREES)})
    assert notes["Net"]
    for path in metrics.values():
        found = read_json(path)
        found["test"]["mean"]["mae_standard_error"] = 0.03  # over three test sets: 0.017 of each error
        write_json(path, found)
    assert not any(line.note for line in BUILDER.collect(table, metrics, {}))


@pytest.mark.parametrize("other", [{"dataset": "kebg"}, {"property": "band_gap"}, {"protocol": "other"}])
def test_trees_on_other_data_or_test_sets_do_not_count(tmp_path, other):
    cfg = make_table(["Net", "Trees"], [None, None])
    cfg["cells"][1] |= other
    cfg["scales"]["other"] = cfg["scales"]["brnet2023"] | {"tests": "b"}
    runs = {"Net": ([0.5] * 3, NETWORK), "Trees": ([0.1] * 3, TREES)}
    assert collect(tmp_path, runs, cfg)[2] == {"Net": "", "Trees": ""}


def test_trees_of_another_row_count_and_are_named_with_it(tmp_path):
    cfg = make_table(["Net"], [None])
    cfg["rows"] = [{"label": "raw fractions"}, {"label": "physical"}]
    cfg["cells"].append(make_cell("trees", 0, None, row=1))
    for model, errors, kind in (("net", 0.5, NETWORK), ("trees", 0.1, TREES)):
        write_run(tmp_path / "runs", name_run(model), [errors] * 3, model=kind)
    metrics = {name_run(model): tmp_path / "runs" / name_run(model) / "metrics.json" for model in ("net", "trees")}
    notes = [line.note for line in BUILDER.collect(planned(cfg), metrics, {})]
    assert notes == ["clearly behind the trees of this table: Net (physical), 0.100", None]


def test_an_unfinished_run_of_trees_says_nothing(tmp_path):
    runs = {"Net": ([0.5] * 3, NETWORK), "Trees": ([0.1] * 3, TREES)}
    table, metrics, _ = collect(tmp_path, runs)
    del metrics[name_run("trees")]
    assert [line.note for line in BUILDER.collect(table, metrics, {})] == [None, None]


def test_of_r2_the_rest_counts(tmp_path):
    cfg = make_table(["Net", "Trees"], [None, None]) | {"metric": "r2"}
    runs = {"Net": ([0.5] * 3, NETWORK), "Trees": ([0.1] * 3, TREES)}
    notes = collect(tmp_path, runs, cfg)[2]
    assert notes["Net"].startswith("clearly behind the trees of this table: Trees, 0.99")
    assert notes["Trees"] == ""
