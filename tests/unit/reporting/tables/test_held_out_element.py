"""Tables of errors with and without an element that is held out of training."""

import pandas as pd
import pytest
from factories.reporting import make_table, name_run, place, planned, view_of, write_run

from elemflow.reporting.tables.kinds.held_out_element import BUILDER


@pytest.fixture
def held(tmp_path):
    """Errors of 0.2 and 0.4 with iron, 0.1 without; the run holds iron out and trains on a fifth of it."""
    cfg = make_table(["BRNet"], ["0.096"]) | {"kind": "held_out_element", "table": "held"}
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.2])
    rows = {"member": 0, "role": "test", "material_id": ["Fe1O1", "Fe2O1", "Mg1O1"], "y_true": 0.0}
    pd.DataFrame(rows | {"y_pred": [0.2, -0.4, 0.1]}).to_parquet(folder / "predictions.parquet")
    return cfg, {name_run("brnet"): folder / "metrics.json"}


def test_errors_are_of_test_materials_with_and_without_the_element(held, tmp_path):
    cfg, runs = held
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    [line] = BUILDER.read(outputs["csv"])
    assert (line.element, line.train_fraction) == ("Fe", 0.2)
    assert (line.with_element, line.without_element) == pytest.approx((0.3, 0.1))
    assert [cell.reproduced for cell in view_of(BUILDER, cfg, runs).rows[0][1]][1:] == ["0.300", "0.100"]


def test_a_run_without_a_result_has_no_errors_of_the_element(held):
    cfg, _ = held
    assert [cell.reproduced for cell in view_of(BUILDER, cfg, {}).rows[0][1]][1:] == ["—"] * 2
