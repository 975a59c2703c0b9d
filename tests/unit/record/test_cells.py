"""Recorded cells of the papers' tables, from evidence that is made up and from that which ships."""

import shutil
from pathlib import Path

import pytest
from factories.reporting import write_run

from elemflow.core.files import read_json, write_json
from elemflow.record.cells import find_recorded, plan_papers, to_frame, to_markdown

RUN = "kefe/formation_energy/ef/brnet/brnet2023"
INFO = {
    "commit": "0123456789abcdef",
    "engine": {"name": "tensorflow", "device": "cpu"},
    "host": {"processor": "A processor", "threads": 2},
    "inputs_sha256": {"results/datasets/kefe/materials.parquet": "fedcba9876543210"},
    "seconds_fitting": 1800.0,
    "finished": "2026-01-02T03:04:05+00:00",
}


@pytest.fixture(scope="module")
def planned(root: Path):
    return plan_papers(root)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Evidence of BRNet on KEFE: errors of 0.097 in three members, published 0.096."""
    folder = write_run(tmp_path, RUN, [0.097] * 3)
    write_json(folder / "run_info.json", read_json(folder / "run_info.json") | INFO)
    write_json(folder / "curation.json", {"materials": 2135, "properties": {"formation_energy": {"values": 2135}}})
    return tmp_path


def test_a_recorded_run_answers_the_cell_that_prints_it(planned, record):
    (cell,) = find_recorded(planned, record)
    assert (cell.published_source, cell.published, cell.run) == ("brnet2023 T5", "0.096", RUN)
    assert cell.reproduced == pytest.approx(0.097)
    assert cell.verdict == "reproduced"
    assert (cell.members, cell.materials, cell.published_materials) == (3, 2135, 2135)
    assert (cell.data, cell.commit, cell.engine) == ("fedcba987654", "0123456789ab", "tensorflow")
    assert (cell.device, cell.cpu_hours, cell.gpu_hours, cell.finished) == ("A processor", 1.0, None, "2026-01-02")


def test_hours_of_a_gpu_are_its_own(planned, record):
    path = record / RUN / "run_info.json"
    write_json(path, read_json(path) | {"engine": {"name": "jax", "device": "NVIDIA A"}})
    (cell,) = find_recorded(planned, record)
    assert (cell.device, cell.cpu_hours, cell.gpu_hours) == ("NVIDIA A", None, 0.5)


@pytest.mark.parametrize(("materials", "verdict"), [(9000, "larger"), (900, "reduced")])
def test_other_data_have_no_verdict(planned, record, materials, verdict):
    path = record / RUN / "curation.json"
    write_json(path, {"materials": materials, "properties": {"formation_energy": {"values": materials}}})
    (cell,) = find_recorded(planned, record)
    assert cell.verdict == verdict


@pytest.mark.parametrize(
    ("rows", "dataset", "verdict"), [(6353, "exp_gap_rows", "reproduced"), (900, "exp_gap", "reduced")]
)
def test_of_the_cells_of_one_value_the_one_at_full_scale_counts(planned, tmp_path, rows, dataset, verdict):
    """IRNet of 10 layers on measured gaps, published 0.333: compositions come first, the paper counts rows."""
    for name, materials in (("exp_gap", 4916), ("exp_gap_rows", rows)):
        run = f"{name}/band_gap/pa/irnet10/irnet2021@train=0.81,validation=0.09,monitor=validation"
        folder = write_run(tmp_path, run, [0.333])
        write_json(folder / "run_info.json", read_json(folder / "run_info.json") | INFO)
        write_json(
            folder / "curation.json", {"materials": materials, "properties": {"band_gap": {"values": materials}}}
        )
    (cell,) = find_recorded(planned, tmp_path)
    assert (cell.run.split("/")[0], cell.verdict) == (dataset, verdict)


def test_without_evidence_nothing_is_recorded(planned, record):
    shutil.rmtree(record / "kefe")
    assert find_recorded(planned, record) == []


def test_tables_of_cells(planned, record):
    cells = find_recorded(planned, record)
    assert to_frame(cells)["run"].tolist() == [RUN]
    assert f"`{RUN}`" in to_markdown(cells)
