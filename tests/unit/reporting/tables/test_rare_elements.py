"""Tables of errors of materials with elements that few training materials contain."""

import pandas as pd
import pytest
from factories.reporting import make_table, name_run, place, planned, view_of, write_run

from elemflow.core.files import read_json, write_json
from elemflow.reporting.tables.kinds.rare_elements import BOUNDARY, BUILDER

IDS = [f"Fe{i}O1" for i in range(1, 7)] + [f"Mg{i}O1" for i in range(1, 6)] + [f"Xe{i}O1" for i in range(1, 5)]
ERRORS = [0.1] * 6 + [0.3] * 5 + [9.0] * 4


@pytest.fixture
def rare(tmp_path):
    """A run with 6 test materials of iron, 5 of magnesium and 4, too few, of xenon; all are oxides."""
    cfg = make_table(["BRNet"], ["0.096"]) | {"kind": "rare_elements", "table": "rare"}
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.2])
    rows = {"member": 0, "role": "test", "material_id": IDS, "y_true": 0.0, "y_pred": ERRORS}
    pd.DataFrame(rows).to_parquet(folder / "predictions.parquet")
    return cfg, {name_run("brnet"): folder / "metrics.json"}


def train(runs, rows):
    path = runs[name_run("brnet")].with_name("run_info.json")
    info = read_json(path)
    for member in info["members"].values():
        member["rows"] |= {"train": rows, "test": len(IDS)}
    write_json(path, info)


def test_elements_are_rare_by_their_training_materials(rare, tmp_path):
    cfg, runs = rare
    train(runs, len(IDS) * BOUNDARY // 6)  # iron reaches the boundary, magnesium stays below
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    [line] = BUILDER.read(outputs["csv"])
    oxides = sum(ERRORS) / len(ERRORS)
    assert line.rare_elements_error == pytest.approx(0.3)
    assert line.other_elements_error == pytest.approx((0.1 + oxides) / 2)
    assert line.rare_elements_percent == pytest.approx(100 * (0.3 / ((0.1 + oxides) / 2) - 1))


def test_without_frequent_elements_there_is_no_difference(rare):
    cfg, runs = rare
    train(runs, 100)
    cells = view_of(BUILDER, cfg, runs).rows[0][1]
    assert [cell.reproduced for cell in cells][2:] == ["—", "—"]


def test_a_run_without_a_result_has_no_errors_of_elements(rare):
    cfg, _ = rare
    assert [cell.reproduced for cell in view_of(BUILDER, cfg, {}).rows[0][1]][1:] == ["—"] * 3
