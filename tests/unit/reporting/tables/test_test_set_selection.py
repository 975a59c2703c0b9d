"""Tables of the bias of selection on the test set."""

import pytest
from factories.reporting import make_table, name_run, place, planned, table_files, view_of, write_run

from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.plan.build import build
from elemflow.reporting.index import write_tables_index
from elemflow.reporting.tables.kinds.test_set_selection import BUILDER


def make_selection(tmp_path, paper, ours):
    cfg = make_table(["BRNet", "BNet"], ["0.096", "0.096"]) | {"kind": "test_set_selection", "table": "selection"}
    errors = {"brnet": paper, "bnet": ours}
    runs = {
        name_run(model): write_run(tmp_path / "runs", name_run(model), values) / "metrics.json"
        for model, values in errors.items()
        if values
    }
    return cfg, runs


def test_the_bias_is_the_change_against_the_error_selected_on_the_validation_set(tmp_path):
    cfg, runs = make_selection(tmp_path, [0.09], [0.10, 0.10])
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    cells = BUILDER.read_frame(outputs["csv"])
    assert cells["selection_bias_percent"].iloc[1] == pytest.approx(-10)
    assert cells["selection_bias_percent"].isna().iloc[0]
    for kind in ("text", "md", "tex", "html"):
        text = outputs[kind].read_text()
        assert "bias of selection" in text
        assert "10.0" in text
    assert "bold" not in outputs["text"].read_text()
    folder = tmp_path / "index"
    write_tables_index(folder, [table_files(cfg, outputs)])
    assert "-10" in (folder / "test_set_selection.csv").read_text()


@pytest.mark.parametrize("reduced", ["brnet2023", "validation_selected"])
def test_the_bias_is_marked_where_either_run_is_reduced(tmp_path, reduced):
    cfg, runs = make_selection(tmp_path, [0.09], [0.10, 0.10])
    cfg["cells"][1]["protocol"] = "validation_selected"
    cfg["scales"]["validation_selected"] = dict(cfg["scales"]["brnet2023"])
    cfg["scales"][reduced] = cfg["scales"][reduced] | {"max_epochs": 5, "reduced": ["at most 5 epochs of 3,000"]}
    assert view_of(BUILDER, cfg, runs).rows[0][1][2].mark == "†"


@pytest.mark.parametrize(("paper", "ours"), [([], [0.1]), ([0.1], []), ([], [])])
def test_without_one_of_the_two_there_is_no_bias(tmp_path, paper, ours):
    cfg, runs = make_selection(tmp_path, paper, ours)
    cells = BUILDER.collect_frame(planned(cfg), runs, {})
    assert cells["selection_bias_percent"].isna().all()
    assert view_of(BUILDER, cfg, runs).rows[0][1][2].reproduced == "—"


def test_studies_that_chose_by_the_test_part_have_such_a_table(root):
    papers = ["brnet2023", "irnet2021", "irnet2019", "tatis2021", "huang2020"]
    settings = load({"studies": papers}, root)
    plan = build(settings, {})
    assert {study for study, table in plan.tables if table == "selection"} == {"irnet2021", "irnet2019", "tatis2021"}
    assert all(settings.studies[study].model_selection for study in papers)
    protocols = {
        (settings.protocols[name].training.early_stopping.monitor, settings.protocols[name].report)
        for (_, table), cfg in plan.tables.items() if table == "selection"
        for name in {cell.protocol for cell in cfg.cells if cell.column == 1}
    }  # fmt: skip
    assert protocols == {("validation", "mean")}


def test_cells_of_a_row_differ_in_the_protocol_alone(root):
    columns = [{"protocol": "brnet2023", "model": "brnet"}, {"protocol": "demo", "model": "bnet"}]
    table = {"title": "S", "kind": "test_set_selection", "rows": [{"dataset": "kefe", "property": "formation_energy"}]}
    overrides = {"studies": {"brnet2023": {"tables": {"selection": table | {"columns": columns}}}}}
    settings = load({"studies": ["brnet2023"], "overrides": overrides}, root)
    with pytest.raises(ConfigError, match=r"tables.selection', row 1: .* two columns"):
        build(settings, {})
