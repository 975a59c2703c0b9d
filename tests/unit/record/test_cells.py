"""Recorded cells of the papers' tables, from evidence that is made up and from that which ships."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from factories.reporting import write_run

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.record.cells import OTHER_QUANTITY, find_recorded, to_frame, to_markdown
from elemflow.record.coverage import summarise

RUN = "kefe/formation_energy/ef/brnet/brnet2023"
INFO = {
    "commit": "0123456789abcdef",
    "engine": {"name": "tensorflow", "device": "cpu"},
    "host": {"processor": "A processor", "threads": 2},
    "inputs_sha256": {"results/datasets/kefe/materials.parquet": "fedcba9876543210"},
    "seconds_fitting": 1800.0,
    "finished": "2026-01-02T03:04:05+00:00",
}


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
    assert f"| {materials:,} (2,135) |" in to_markdown([cell])


def write_evidence(record: Path, run: str, errors: list[float], counts: dict) -> Path:
    folder = write_run(record, run, errors)
    info = read_json(folder / "run_info.json")
    for number, facts in enumerate(info["members"].values()):
        facts["seed"] = 10 + number
    write_json(folder / "run_info.json", info | INFO)
    write_json(folder / "curation.json", counts)
    return folder


def test_a_printed_value_of_another_quantity_gets_neither_verdict_nor_margin(root, planned, tmp_path):
    """Volumes of OQMD in brnet2023, Table 3: they are labelled per atom and can only be per cell."""
    run = "oqmd/volume_per_atom/ef/brnet/brnet2023"
    counts = {"materials": 345134, "properties": {"volume_per_atom": {"values": 345134}}}
    write_evidence(tmp_path, run, [0.4] * 3, counts)
    (cell,) = find_recorded(planned, tmp_path)
    assert (cell.published, cell.verdict, cell.margin, cell.difference_low) == ("16.91", OTHER_QUANTITY, None, None)
    table3 = next(line for line in summarise(root, planned, [cell]) if (line.study, line.table) == ("brnet2023", "T3"))
    assert (table3.recorded, table3.other_quantity, table3.other_data) == (1, 1, 0)


def test_seeds_splits_and_the_members_that_would_decide(planned, record):
    (cell,) = find_recorded(planned, record)
    spread = cell.margin / 2.2  # too much for three members, and little enough for many
    shutil.rmtree(record / "kefe")
    counts = {"materials": 2135, "properties": {"formation_energy": {"values": 2135}}}
    write_evidence(record, RUN, [0.096 - spread, 0.096, 0.096 + spread], counts)
    (cell,) = find_recorded(planned, record)
    assert (cell.seeds, cell.splits, cell.verdict) == ("10 11 12", 3, "undecided")
    assert cell.further_members is not None
    row = to_frame([cell]).iloc[0]
    assert (row["seeds"], row["splits"], row["further_members"]) == ("10 11 12", 3, cell.further_members)
    assert f"| undecided | {cell.further_members} | `{RUN}` |" in to_markdown([cell])
    assert f"| undecided | no number | `{RUN}` |" in to_markdown([replace(cell, further_members=None)])
    assert "| 12.00 |" in to_markdown([replace(cell, reproduced=12.0, spread=None)])
    assert f"| reproduced | — | `{RUN}` |" in to_markdown([replace(cell, verdict="reproduced", further_members=None)])


def test_a_run_that_has_lost_a_file_is_named(planned, record):
    (record / RUN / "predictions.parquet").unlink()
    with pytest.raises(DataError, match=r"brnet2023: predictions.parquet missing"):
        find_recorded(planned, record)


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
