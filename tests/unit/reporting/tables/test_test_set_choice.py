"""Tables of the cost of choosing on the test set within one training."""

import pandas as pd
import pytest
from factories.reporting import make_table, name_run, place, planned, view_of, write_run

from elemflow.config.load import load
from elemflow.core.errors import ConfigError, DataError
from elemflow.plan.build import build
from elemflow.plan.workflow import Workflow
from elemflow.reporting.tables.kinds.test_set_choice import BUILDER


@pytest.fixture
def chosen(tmp_path):
    """Two members: the validation set chose epoch 2 and 1, the test set would have chosen 3 and 1."""
    cfg = make_table(["BRNet"], ["0.096"]) | {"kind": "test_set_choice", "table": "selection_within"}
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.10, 0.12])
    members = {"member": [0] * 3 + [1] * 3, "epoch": [1, 2, 3] * 2, "step": [10, 20, 30] * 2}
    errors = {"validation_mae": [0.3, 0.1, 0.2, 0.1, 0.2, 0.3], "test_mae": [0.2, 0.10, 0.08, 0.12, 0.2, 0.3]}
    pd.DataFrame(members | errors).to_parquet(folder / "history.parquet")
    return cfg, {name_run("brnet"): folder / "metrics.json"}


def test_the_cost_is_that_of_the_same_training(chosen, tmp_path):
    cfg, runs = chosen
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    [line] = BUILDER.read(outputs["csv"])
    assert line.validation_chosen == pytest.approx(0.11)
    assert line.test_chosen == pytest.approx(0.10)
    assert line.change_percent == pytest.approx(100 * (0.10 / 0.11 - 1))
    assert (line.validation_epoch, line.test_epoch) == (1.5, 2.0)
    view = view_of(BUILDER, cfg, runs)
    assert len(view.columns) == 3
    assert [cell.reproduced for cell in view.rows[0][1]][1:] == ["0.100", "−9.1\u202f%"]


def test_a_history_without_the_errors_is_named(chosen):
    cfg, runs = chosen
    path = next(iter(runs.values())).parent / "history.parquet"
    pd.read_parquet(path).drop(columns="test_mae").to_parquet(path)
    with pytest.raises(DataError, match=r"history.parquet: no column test_mae.*Train the run again"):
        BUILDER.collect_frame(planned(cfg), runs, {})


def test_a_run_without_a_result_has_no_cost(chosen):
    cfg, _ = chosen
    assert BUILDER.collect_frame(planned(cfg), {}, {})["change_percent"].isna().all()
    assert [cell.reproduced for cell in view_of(BUILDER, cfg, {}).rows[0][1]][1:] == ["—", "—"]


@pytest.mark.parametrize("study", ["irnet2019", "irnet2021"])
def test_it_shows_the_runs_that_the_table_of_selection_trains(root, study):
    plan = Workflow.load({"studies": [study]}, root).plan
    within, between = (set(plan.runs_of(plan.tables[study, name])) for name in ("selection_within", "selection"))
    assert within < between


def test_a_protocol_without_the_record_is_refused(project):
    study = project / "config/studies/irnet2019.yaml"
    text = study.read_text()
    assert ", training.record_test: true" in text
    study.write_text(text.replace(", training.record_test: true", ""))
    with pytest.raises(ConfigError, match=r"selection_within.*training.record_test"):
        build(load({"studies": ["irnet2019"]}, project), {})


def test_it_needs_a_validation_set_that_stops(project):
    path = project / "config/protocols/irnet2019.yaml"
    path.write_text(path.read_text().replace("training:\n", "training:\n  record_test: true\n", 1))
    with pytest.raises(ConfigError, match=r"irnet2019.*training.record_test.*monitor: validation"):
        load({"studies": ["irnet2019"]}, project)
