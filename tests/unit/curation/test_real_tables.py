"""Curation of the real tables, whose numbers of rows and compositions are known."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from factories.curation import (
    Outcome,
    curated,
    run,
)

from elemflow.config.dataset import Dataset, Source
from elemflow.config.load import load
from elemflow.core.errors import DataError


@pytest.fixture(scope="module")
def real_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(root / "config", folder / "config")
    return folder


def curate_real(name: str, real_data: Path, project: Path, folder: Path) -> Outcome:
    overlay = yaml.safe_load((project / "config/overlays/local_tables.yaml").read_text(encoding="utf-8"))
    dataset = Dataset.model_validate(load({"studies": ["demo"]} | overlay, project).datasets[name])
    options = dataset.source.options
    source = Source.model_validate({"kind": dataset.source.kind, **options, "path": str(real_data / options["path"])})
    return curated(folder, dict(dataset.but(source=source)))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "rows", "compositions", "materials"),
    [
        ("oqmd_composition", 341_759, 341_759, None),
        ("matbench_mp_e_form", 132_752, 95_118, 95_118),
        ("matbench_mp_gap", 106_113, 78_164, 78_164),
        ("mp_polymorphs", 120_612, 87_085, None),
        ("oqmd_polymorphs", 186_057, 143_669, None),
        ("jarvis_dft3d_mbj_gap", 7_296, 7_013, 7_013),
        ("wolverton_oxides", 4_914, 2_646, 2_646),
        ("aflow_composition", 27_690, 27_574, None),
    ],
)
def test_real_tables(
    tmp_path: Path, real_data: Path, real_project: Path, name: str, rows: int, compositions: int, materials: int | None
) -> None:
    outcome = curate_real(name, real_data, real_project, tmp_path)
    assert outcome.report["steps"][0]["rows"] == rows
    assert outcome.entries["composition"].nunique() == compositions
    assert len(outcome.rejected) + outcome.materials["n_entries"].sum() == rows
    assert materials in (None, len(outcome.materials))
    if name == "oqmd_polymorphs":
        assert outcome.entries["energy"].min() < -98
        assert outcome.entries["energy"].max() > 1122
        assert outcome.materials["energy"].between(-20, 5).all()
    if name == "mp_polymorphs":
        nitride = outcome.entries[outcome.entries["formula"] == "NaN"]
        assert nitride["entry_id"].tolist() == ["mp-1080032", "mp-1009221"]
        assert set(nitride["composition"]) == {"NNa"}
        assert outcome.materials.set_index("material_id").loc["NNa", "n_entries"] == 2
    if name == "jarvis_dft3d_mbj_gap":
        assert outcome.rejected["formula"].tolist() == ["2-Feb"]
        assert "spreadsheet program turned into a date" in outcome.rejected["reason"][0]


@pytest.mark.real_data
def test_real_structures(tmp_path: Path, real_data: Path, real_project: Path) -> None:
    outcome = curate_real("jarvis_superconductors", real_data, real_project, tmp_path)
    source = pd.read_parquet(real_data / "jarvis_structures.parquet").set_index("jid")
    kept = source.loc[outcome.materials["entry_id"]]
    assert len(outcome.materials) == 953
    assert outcome.materials["density"].to_numpy() == pytest.approx(kept["density"].to_numpy(), rel=1e-5)
    assert outcome.materials["volume"].to_numpy() == pytest.approx(
        (kept["volume"] / kept["nsites"]).to_numpy(), rel=1e-9
    )


def test_a_long_cell_is_quoted_in_part(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 1, column 'e': '9{60,80}… \(300,003 characters\)") as caught:
        run(tmp_path, f"formula,e\nFeO,{'9' * 300_000}x\n")
    assert len(str(caught.value)) < 500
    (tmp_path / "formula").mkdir()
    with pytest.raises(DataError, match=r"row 1 \('a{60,80}… \(5,002 characters\)\)") as caught:
        run(tmp_path / "formula", f"formula,e\n{'a' * 5000},1\n")
    assert len(str(caught.value)) < 500
