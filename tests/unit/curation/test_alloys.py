"""Tables of steels: amounts of many digits are compositions like others."""

import re
from pathlib import Path

import numpy as np
import pytest
from factories.curation import Outcome, run

from elemflow.chemistry.composition import amounts
from elemflow.core.errors import DataError
from elemflow.features import elemental_fractions, magpie, magpie_valence_fractions
from elemflow.sources import table_rows

STEELS = Path(__file__).parents[2] / "data" / "steels.csv"
STRENGTH = {"strength": {"column": "yield_strength", "unit": "MPa", "title": "Yield strength"}}
FIRST = {"rule": "first"}
ELEMENT = re.compile(r"([A-Z][a-z]?)([0-9.]+(?:e-[0-9]+)?)")


def check_features(outcome: Outcome) -> None:
    compositions = outcome.materials["composition"].tolist()
    for part in (elemental_fractions, magpie, magpie_valence_fractions):
        matrix, reasons = part.featurize(compositions)
        assert not reasons
        assert np.isfinite(matrix).all()


def test_steels_lose_no_row_and_have_finite_features(tmp_path: Path) -> None:
    outcome = run(tmp_path, STEELS.read_bytes(), properties=STRENGTH, keep={"rule": "all"})
    assert outcome.report["steps"][0]["rows"] == len(outcome.materials) == 12
    assert outcome.rejected.empty
    check_features(outcome)
    fractions, _ = elemental_fractions.featurize(outcome.entries["composition"].tolist())
    for formula, row in zip(outcome.entries["formula"], fractions, strict=True):
        given = {symbol: float(amount) for symbol, amount in ELEMENT.findall(formula)}
        assert len(given) == (row > 0).sum()
        for symbol, amount in given.items():
            share = row[elemental_fractions.LABELS.index(symbol)]
            assert share == pytest.approx(amount / sum(given.values()), abs=1.5e-6)  # canonical forms hold millionths


BY_WEIGHT = "formula,yield_strength\nTi-6Al-4V,880\nFe74Cr18Ni8,215\nCu0.7Zn0.3,120\nFe-200Cr,1\nNiTi55,400\n"


def test_a_table_by_weight_has_atomic_materials(tmp_path: Path) -> None:
    columns = {"formula": "formula", "amounts": "weight"}
    outcome = run(tmp_path, BY_WEIGHT, columns=columns, properties=STRENGTH, keep={"rule": "first"})
    materials = outcome.materials.set_index("entry_id")["composition"]
    per_cent = {}
    for entry, composition in materials.items():
        held = amounts(composition)
        per_cent[entry] = {symbol: 100 * amount / sum(held.values()) for symbol, amount in held.items()}
    assert per_cent["0"] == pytest.approx({"Ti": 86.2, "Al": 10.2, "V": 3.6}, abs=0.05)
    assert per_cent["1"] == pytest.approx({"Fe": 73.3, "Cr": 19.2, "Ni": 7.5}, abs=0.05)
    assert per_cent["2"] == pytest.approx({"Cu": 70.6, "Zn": 29.4}, abs=0.05)
    assert outcome.rejected["reason"].tolist() == ["the additions leave nothing for Fe in 100 per cent by weight"]
    atomic = run(tmp_path, BY_WEIGHT, properties=STRENGTH, keep={"rule": "first"})
    assert atomic.rejected["reason"][0].startswith("looks like an alloy in weight per cent")
    assert atomic.materials["composition"].tolist()[0] == "Cr9Fe37Ni4"


ELEMENT_COLUMNS = "grade,cr,ni,c,yield_strength\nA,18,8,0.08,215\nB,17.0,-,,205\nC,<0.3,8,0,1\nD,90,12,0,1\nE,,,,100\nF,0,-,,100\nG,-,–,,100\n"


def test_a_table_with_a_column_per_element(tmp_path: Path) -> None:
    columns = {"entry_id": "grade", "elements": {"Cr": "cr", "Ni": "ni", "C": "c"}, "balance": "Fe"}
    options = {"properties": STRENGTH, "keep": {"rule": "first"}}
    outcome = run(tmp_path, ELEMENT_COLUMNS, columns=columns | {"amounts": "weight"}, **options)
    materials = outcome.materials.set_index("entry_id")["composition"]
    held = amounts(materials["A"])
    per_cent = {symbol: 100 * amount / sum(held.values()) for symbol, amount in held.items()}
    assert per_cent == pytest.approx({"Fe": 73.02, "Cr": 19.10, "Ni": 7.52, "C": 0.367}, abs=0.01)
    assert set(amounts(materials["B"])) == {"Fe", "Cr"}
    assert materials["F"] == "Fe"
    assert outcome.entries["formula"].tolist() == ["Cr18Ni8C0.08Fe73.92", "Cr17.0Fe83.0", "Fe100"]
    assert outcome.rejected["entry_id"].tolist() == ["C", "D", "E", "G"]
    assert "character '<'" in outcome.rejected["reason"][0]
    assert "negative amounts" in outcome.rejected["reason"][1]
    assert outcome.rejected["reason"][2:].tolist() == ["the formula is empty"] * 2
    atomic = run(tmp_path, ELEMENT_COLUMNS, columns=columns, **options)
    assert atomic.entries["composition"].tolist() == ["CCr225Fe924Ni100", "Cr17Fe83", "Fe"]


def test_a_column_per_element_with_decimal_commas(tmp_path: Path) -> None:
    source = {"kind": "table", "path": str(tmp_path / "t.csv"), "separator": ";", "decimal": ","}
    columns = {"elements": {"Cu": "Cu", "Zn": "Zn"}}
    content = "Cu;Zn;yield_strength\n62,5;37,5;120\n"
    outcome = run(tmp_path, content, source=source, columns=columns, properties=STRENGTH, keep={"rule": "first"})
    assert outcome.materials["composition"].tolist() == ["Cu5Zn3"]
    with pytest.raises(DataError, match=r"no column 'Zinc' \(columns\.elements\.Zn\)"):
        run(
            tmp_path,
            content,
            source=source,
            columns={"elements": {"Zn": "Zinc"}},
            properties=STRENGTH,
            keep={"rule": "first"},
        )


@pytest.mark.parametrize(("whole", "chunk"), [(100, 1), (1, 1), (100, 10)])
def test_a_row_with_another_sum_than_most_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, whole: int, chunk: int
) -> None:
    # Also with one row per frame: what most rows add up to is that of the whole table.
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", chunk)
    rows = {
        "off": (0.2, 18, None),
        "a": (0.2, 18, 81.8),
        "b": (0.1, 17, 82.5),
        "rounded": (0.2, 18.4, 82),
        "c": (0, 0, 100),
    }
    content = "id,C,Cr,Fe,yield_strength\n" + "".join(
        f"{name},{','.join('' if x is None else f'{x * whole / 100:.6g}' for x in row)},1\n"
        for name, row in rows.items()
    )
    columns = {"entry_id": "id", "elements": {"C": "C", "Cr": "Cr", "Fe": "Fe"}, "amounts": "weight"}
    outcome = run(
        tmp_path,
        content + "none,-,-,,1\ntext,x,18,82,1\nlast,,,40,1\n",
        columns=columns,
        properties=STRENGTH,
        keep=FIRST,
    )
    assert set(outcome.materials["entry_id"]) == {"a", "b", "rounded", "c"}
    reasons = outcome.rejected.set_index("entry_id")["reason"]
    assert reasons["off"] == f"the amounts of the elements do not add up to {whole}, as those of most rows do"
    assert reasons["none"] == "the formula is empty"
    assert outcome.rejected["entry_id"].tolist() == ["off", "none", "text", "last"]
    assert "4 of 8 rows lost, their formula is not understood" in caplog.text


def test_amounts_that_count_atoms_need_no_sum(tmp_path: Path) -> None:
    columns = {"elements": {"Fe": "Fe", "O": "O"}}
    outcome = run(
        tmp_path, "Fe,O,yield_strength\n2,3,1\n0,1,1\n1,1,1\n", columns=columns, properties=STRENGTH, keep=FIRST
    )
    assert outcome.materials["composition"].tolist() == ["Fe2O3", "FeO", "O"]


@pytest.mark.real_data
def test_the_public_table_of_steels_loses_no_row(tmp_path: Path, real_data: Path) -> None:
    found = sorted(real_data.glob("matbench_steels*"))
    if not found:
        pytest.skip("matbench_steels is not among the real data")
    outcome = run(
        tmp_path,
        found[0].read_bytes(),
        name=found[0].name,
        columns={"formula": "composition"},
        properties={"strength": STRENGTH["strength"] | {"column": "yield strength"}},
        keep={"rule": "all"},
    )
    assert outcome.report["steps"][0]["rows"] == len(outcome.materials) == 312
    check_features(outcome)
