"""A run as one file predicts what the run predicts, for trees and networks."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from factories.predicting import TREES, write_run
from factories.toy import SPEC

from elemflow.core.archive import extract_archive, write_archive
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file, write_json
from elemflow.inference.exported import export_run
from elemflow.inference.predictor import Predictor, predict_table

NETWORK = {"kind": "network", "spec": SPEC}


@pytest.fixture(scope="module", params=[TREES, NETWORK], ids=["trees", "network"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("project"), request.param)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_text("formula\nFeO2\nCo2S3\nCaO\n")
    return path


def test_the_file_predicts_what_the_run_predicts(run: Path, table: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.elemflow"
    exported = export_run(run, file)
    assert exported.notes == []
    assert exported.sha256 == sha256_file(file) == export_run(run, tmp_path / "again.elemflow").sha256
    predict_table(run, table, tmp_path / "a.parquet", applicability=True, level=80)
    predict_table(file, table, tmp_path / "b.parquet", applicability=True, level=80)
    found = pd.read_parquet(tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(found, pd.read_parquet(tmp_path / "a.parquet"))
    assert {"lower", "upper", "flag"} <= set(found)


def test_members_are_data_and_name_no_machine(run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "m.elemflow", "@misc{a,\n}\n")
    manifest = extract_archive(tmp_path / "m.elemflow", tmp_path / "out")
    assert manifest["run"] == "toy/gap/ef/m/p"
    suffixes = {Path(name).suffix for name in manifest["members"]}
    assert suffixes <= {".json", ".npz", ".parquet", ".keras", ".skops", ".md", ".bib", ".bin", ""}
    assert {"README.md", "model_card.json", "LICENSE", "references.bib"} <= set(manifest["members"])
    assert "host" not in read_json(tmp_path / "out/provenance.json")
    calibration = pd.read_parquet(tmp_path / "out/calibration.parquet")
    assert set(calibration) == {"error", "spread", "composition"}, "no measured value of the dataset leaves it"


def test_the_card_has_the_errors_of_the_evaluation(run: Path, tmp_path: Path) -> None:
    (run.parents[6] / "config/datasets").mkdir(parents=True, exist_ok=True)
    text = "title: Toy set\nversion: 1\nlicense: CC0\ncitation: [a, b]\n"
    (run.parents[6] / "config/datasets/toy.yaml").write_text(text)
    export_run(run, tmp_path / "m.elemflow")
    extract_archive(tmp_path / "m.elemflow", tmp_path / "out")
    card: dict[str, Any] = read_json(tmp_path / "out/model_card.json")
    test = read_json(run / "metrics.json")["test"]
    assert card["test"]["mae"] == test["ensemble"]["mean"]["mae"]
    assert card["intervals"]["coverage"] == test["uncertainty"]["grouped"]["coverage"]["90"]
    assert (card["property"], card["unit"], card["members"]) == ("gap", "eV", 3)
    assert card["dataset"] == {"title": "Toy set", "version": 1, "license": "CC0", "citation": ["a", "b"]}
    assert "Fe" in card["elements"]
    markdown = (tmp_path / "out/README.md").read_text()
    for part in ("# gap [eV]", "Toy set", "CC0", f"{test['ensemble']['mean']['mae']:.3g} eV"):
        assert part in markdown


def test_what_a_run_lacks_is_noted(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    (tmp_path / "copy/metrics.json").unlink()
    file = tmp_path / "m.elemflow"
    exported = export_run(tmp_path / "copy", file)
    lacks = ["without intervals", "without applicability", "without the compositions it was trained on"]
    assert [note.split(":")[0] for note in exported.notes] == lacks
    notes = Predictor(file).notes
    assert [note.split(":")[0] for note in notes] == ["without intervals", "without applicability"]
    with pytest.raises(DataError, match="exported without"):
        Predictor(file, applicability=True)


def test_intervals_are_those_of_one_combination(run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "m.elemflow")
    with pytest.raises(DataError, match="around the mean"):
        Predictor(tmp_path / "m.elemflow", combine="median", level=80)


def test_a_run_without_result_is_not_exported(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty/model").mkdir(parents=True)
    write_json(tmp_path / "empty/model/model.json", read_json(run / "model/model.json"))
    with pytest.raises(DataError, match="no member"):
        export_run(tmp_path / "empty", tmp_path / "m.elemflow")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model/model.json", b"{}"),
        ("model/model.json", b"no json"),
        ("calibration.parquet", b"no Parquet"),
        ("applicability/distances.npz", b"no numbers"),
        ("applicability/elements.json", b"3"),
        ("metrics.json", b"[]"),
    ],
)
def test_a_member_that_is_not_as_it_is_written_is_one_message(
    run: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    export_run(run, tmp_path / "m.elemflow")
    extract_archive(tmp_path / "m.elemflow", tmp_path / "out")
    (tmp_path / "out" / name).write_bytes(content)
    write_archive(tmp_path / "m.elemflow", tmp_path / "out", {})
    with pytest.raises(DataError, match=r"m\.elemflow|model\.json"):
        Predictor(tmp_path / "m.elemflow", level=80, applicability=True)
