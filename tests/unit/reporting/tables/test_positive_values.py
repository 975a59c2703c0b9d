"""Tables of the part of an error that materials with a positive value have."""

import pandas as pd
import pytest
from factories.reporting import make_table, name_run, place, planned, view_of, write_run

from elemflow.reporting.tables.kinds.positive_values import BUILDER


@pytest.fixture
def signs(tmp_path):
    """Four test materials: errors of 0.1 for three negative values and 0.5 for the positive one; 0 is not positive."""
    cfg = make_table(["BRNet"], ["0.096"]) | {"kind": "positive_values", "table": "signs"}
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.2])
    rows = {"member": 0, "role": "test", "material_id": ["Fe1O1", "Fe2O1", "Fe3O1", "Fe4O1"]}
    values = {"y_true": [-1.0, 0.0, -2.0, 1.0], "y_pred": [-1.1, 0.1, -2.1, 0.5]}
    pd.DataFrame(rows | values).to_parquet(folder / "predictions.parquet")
    return cfg, {name_run("brnet"): folder / "metrics.json"}


def test_the_part_is_of_all_test_materials(signs, tmp_path):
    cfg, runs = signs
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    [line] = BUILDER.read(outputs["csv"])
    assert line.positive_contribution == pytest.approx(0.5 / 4)
    assert line.positive_error_percent == pytest.approx(100 * 0.5 / 0.8)
    assert line.positive_materials_percent == pytest.approx(25)
    view = view_of(BUILDER, cfg, runs)
    assert [cell.reproduced for cell in view.rows[0][1]][1:] == ["0.125", "62.5 %", "25.0 %"]


def test_a_run_without_a_result_has_no_part(signs):
    cfg, _ = signs
    assert BUILDER.collect_frame(planned(cfg), {}, {})["positive_contribution"].isna().all()
    assert [cell.reproduced for cell in view_of(BUILDER, cfg, {}).rows[0][1]][1:] == ["—"] * 3
