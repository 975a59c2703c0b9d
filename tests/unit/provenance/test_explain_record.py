"""What `explain` shows of a recorded run, from evidence that is made up."""

from pathlib import Path

import pytest

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file, write_json, write_text
from elemflow.provenance.explain import explain

RUN = "kefe/formation_energy/ef/brnet/brnet2023"
HEADER = (
    "run,published_source,row,column,unit,published,reproduced,spread,difference_low,difference_high,margin,verdict,"
    "further_members,members,materials,published_materials"
)
CELL = "brnet2023 T5,KEFE,BRNet,eV/atom,0.096,0.10115524,0.0042,-0.011,0.022,0.0035"
INPUTS = (
    "results/datasets/kefe/materials.parquet",
    "results/features/kefe/ef.parquet",
    "results/splits/kefe/s.parquet",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recorded run in a copy that has the materials, other features, no split, and one raw file of two."""
    for path in (*INPUTS[:2], "resources/raw/kefe/a.csv"):
        write_text(tmp_path / path, path)
    digests = {path: sha256_file(tmp_path / path) for path in INPUTS[:2]} | {INPUTS[1]: "cd" * 32, INPUTS[2]: "ef" * 32}
    folder = tmp_path / "resources/record" / RUN
    info = {
        "cfg": {"model": {"kind": "network"}, "protocol": {"training": {"batch_size": 32}}},
        "members": {"0": {"seed": 77, "rows": {"train": 1729, "test": 214}}},
        "inputs_sha256": digests,
        "commit": "abc123",
        "versions": {"keras": "3.15.1"},
        "host": {"processor": "CPU", "platform": "Linux"},
        "engine": {"device": "cpu"},
        "started": "2026-11-20T10:00:00+00:00",
        "finished": "2026-11-20T11:00:00+00:00",
    }
    write_json(folder / "run_info.json", info)
    write_json(folder / "metrics.json", {"test": {"members": {"0": {"mae": 0.1012}}}})
    write_json(folder / "curation.json", {"steps": [{"step": "rows read", "rows": 2200}]})
    files = [
        {"file": "a.csv", "bytes": 1234, "sha256": sha256_file(tmp_path / "resources/raw/kefe/a.csv")},
        {"file": "b.csv", "bytes": 5678, "sha256": "ab" * 32},
    ]
    write_json(folder / "raw_files.json", {"kefe": {"materials_sha256": digests[INPUTS[0]], "files": files}})
    write_cell(folder, "undecided,12,3,2135,2135")
    return folder


def write_cell(folder: Path, rest: str, cell: str = CELL) -> None:
    write_text(folder.parents[4] / "cells.csv", f"{HEADER}\n{RUN},{cell},{rest}\n")


def test_every_file_leads_back_to_a_hash_with_whether_it_is_here(folder: Path) -> None:
    shown = explain(folder)
    assert f"input                  {INPUTS[0]} (as in this copy)" in shown
    assert f"input                  {INPUTS[1]} (another file in this copy)" in shown
    assert f"input                  {INPUTS[2]} (not in this copy)" in shown
    assert "a.csv                1,234 bytes (as in this copy)" in shown
    assert f"b.csv                5,678 bytes (not in this copy)\n    sha256             {'ab' * 32}" in shown
    assert f"curation               resources/record/{RUN}/curation.json\n  rows read            2,200 rows" in shown


def test_the_verdict_stands_with_what_it_is_made_of(folder: Path) -> None:
    shown = explain(folder)
    for part in (
        "cell                 brnet2023 T5: KEFE | BRNet",
        "published          0.096 eV/atom",
        "computed           0.1012 ± 0.0042 eV/atom, 3 members",
        "materials          2,135; in the paper 2,135",
        "90 % interval -0.011 to +0.022 eV/atom",
        "margin             0.0035 eV/atom",
        "verdict            undecided; 12 further members would decide",
    ):
        assert part in shown
    write_cell(folder, "undecided,,1,2135,")
    assert "undecided; no number of further members would decide" in explain(folder)
    assert "in the paper not printed" in explain(folder)
    write_cell(folder, "other quantity,,1,2135,", "brnet2023 T3,OQMD,BRNet,Å³,16.91,0.4,,,,")
    shown = explain(folder)
    assert "margin             none\n    verdict            other quantity" in shown
    assert "interval" not in shown


def test_raw_files_that_are_not_recorded_are_named_as_such(folder: Path) -> None:
    (folder / "raw_files.json").unlink()
    assert f"raw files              their SHA-256 are not recorded: resources/record/{RUN} has no raw_" in explain(
        folder
    )


@pytest.mark.parametrize("name", ["run_info.json", "metrics.json", "curation.json", "raw_files.json"])
def test_damaged_evidence_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("{")
    with pytest.raises(DataError, match=rf"resources/record/{RUN}/{name} is damaged.*Restore it"):
        explain(folder)
