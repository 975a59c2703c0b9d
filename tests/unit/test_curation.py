"""Curation on small tables in which everything that real databases do wrong occurs."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.composition import SYMBOLS, canonical
from elemflow.curation import curate
from elemflow.errors import DataError
from elemflow.files import read_json
from elemflow.sources import table
from elemflow.sources.registry import retrieve

LOWEST = {"rule": "lowest", "property": "energy"}


@dataclass
class Outcome:
    entries: pd.DataFrame
    materials: pd.DataFrame
    rejected: pd.DataFrame
    report: dict[str, Any]
    files: dict[str, bytes]

    @property
    def energies(self) -> dict[str, float]:
        return dict(zip(self.materials["material_id"], self.materials["energy"], strict=True))


def energy(**options: Any) -> dict[str, Any]:
    return {"column": "e", "unit": "eV/atom", "title": "Energy", "parse": "strict", "missing": ["na"]} | options


def run(folder: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Outcome:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    dataset = {
        "source": {"kind": "table", "path": str(folder / name)},
        "columns": {"formula": "formula", "entry_id": None},
        "properties": {"energy": energy()},
        "filters": [],
        "keep": LOWEST,
        "published_size": {"paper": 7},
    } | options
    names = ("entries", "materials", "rejected")
    outputs = {part: folder / f"{part}.parquet" for part in names} | {"report": folder / "curation.json"}
    retrieve("demo", dataset, folder / "raw")
    curate("demo", dataset, folder / "raw", **outputs)
    frames = [pd.read_parquet(outputs[part]) for part in names]
    return Outcome(*frames, read_json(outputs["report"]), {key: path.read_bytes() for key, path in outputs.items()})


def test_spurious_energy_does_not_win(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e\nFe2O3,-98.0\nFe4O6,-6.5\nO3Fe2,-6.7\n",
        filters=[{"kind": "range", "property": "energy", "minimum": -20, "maximum": 5}],
    )
    assert outcome.energies == {"Fe2O3": -6.7}
    assert outcome.materials["entry_id"].tolist() == ["2"]
    assert outcome.materials["n_entries"].tolist() == [2]
    assert outcome.rejected.to_dict("records") == [
        {"entry_id": "0", "formula": "Fe2O3", "stage": "range energy", "reason": "energy is outside -20 to 5"}
    ]
    assert len(outcome.entries) == 3


def test_sodium_nitride_survives(tmp_path: Path) -> None:
    outcome = run(tmp_path, "formula,e\nNaN,-1.5\nNaCl,NaN\nKCl,na\n")
    assert outcome.entries["formula"].tolist() == ["NaN", "NaCl", "KCl"]
    assert outcome.materials["material_id"].tolist() == ["ClK", "ClNa", "NNa"]
    assert outcome.energies["NNa"] == -1.5
    assert outcome.materials["energy"].isna().sum() == 2


def test_ties_and_missing_energies(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e,id\nFeO,,a\nFeO,-2,b\nFeO,-2,c\nNiO,,d\nNiO,,e\n",
        columns={"formula": "formula", "entry_id": "id"},
    )
    assert outcome.materials["entry_id"].tolist() == ["b", "d"]


def test_median_and_first(tmp_path: Path) -> None:
    content = "formula,e,gap\nFeO,1,\nFeO,5,2\nFeO,2,4\n"
    properties = {"energy": energy(), "gap": energy(column="gap", unit="eV")}
    median = run(tmp_path, content, properties=properties, keep={"rule": "median"}).materials
    assert median[["energy", "gap", "entry_id"]].to_numpy().tolist() == [[2.0, 3.0, "0"]]
    with pytest.raises(DataError, match="'gap' has no value"):
        run(tmp_path, content, properties=properties, keep={"rule": "first"})


def test_funnel_accounts_for_every_row(tmp_path: Path) -> None:
    rows = [("2-Feb", 1), ("Fe", 0), ("Fe0", 1), ("FePu", 3), ("Ca3(PO4)2", -3), ("Fe-2", 1), ("", 1), ("D2O", 1)]
    rows += [("Hg0.7Cd0.3Te", -1), ("HgTe", -1), ("TeHg", -2), ("FeO", 90), ("NiO", ""), *[("NaCl", 1)] * 40]
    outcome = run(
        tmp_path,
        "formula,e\n" + "".join(f"{formula},{value}\n" for formula, value in rows),
        filters=[
            {"kind": "has", "property": "energy"},
            {"kind": "sigma", "property": "energy", "n": 5},
            {"kind": "min_elements", "n": 2},
            {"kind": "elements", "allowed": [symbol for symbol in SYMBOLS if symbol != "Pu"]},
        ],
    )
    steps = {step["step"]: step for step in outcome.report["steps"]}
    assert list(steps) == [
        "rows read",
        "formula understood",
        "has energy",
        "sigma energy",
        "min_elements",
        "elements",
        "one per composition",
    ]
    assert [step["rows"] for step in steps.values()] == [53, 48, 47, 46, 45, 44, 4]
    for before, after in zip(list(steps.values())[:-1], list(steps.values())[1:], strict=True):
        assert before["rows"] - after["dropped"] == after["rows"]
    assert len(outcome.rejected) + outcome.materials["n_entries"].sum() == 53
    assert outcome.rejected["stage"].tolist() == [
        *["formula"] * 5,
        "has energy",
        "sigma energy",
        "min_elements",
        "elements",
    ]
    assert "spreadsheet" in outcome.rejected["reason"][0]
    assert steps["sigma energy"]["limits"][1] < 90
    assert outcome.energies == {"Ca3O8P2": -3.0, "Cd3Hg7Te10": -1.0, "ClNa": 1.0, "HgTe": -2.0}
    assert outcome.report["elements"] == 8
    assert outcome.report["entries"] == len(outcome.entries) == 48
    assert outcome.report["materials"] == 4
    assert outcome.report["published_size"] == {"paper": 7}
    assert outcome.report["properties"]["energy"] == {
        "unit": "eV/atom",
        "values": 4,
        "minimum": -3.0,
        "maximum": 1.0,
        "mean": -1.25,
        "unreadable": 0,
    }


def test_sigma_is_computed_over_the_rows_that_reach_it(tmp_path: Path) -> None:
    content = "formula,e\n" + "FeO,1\nFeO,2\n" * 20 + "NiO,4\nNiO,1000\n"
    sigma = {"kind": "sigma", "property": "energy", "n": 3}
    cut = {"kind": "range", "property": "energy", "maximum": 100}
    assert run(tmp_path, content, filters=[sigma]).energies["NiO"] == 4
    assert "NiO" not in run(tmp_path, content, filters=[cut, sigma]).energies


def test_limits_are_inclusive(tmp_path: Path) -> None:
    content = "formula,e\nFeO,1\nNiO,2\nMgO,3\n"
    sigma = run(tmp_path, content, filters=[{"kind": "sigma", "property": "energy", "n": 1}])
    assert sigma.report["steps"][2]["limits"] == [1.0, 3.0]  # the standard deviation of a sample is 1
    assert len(sigma.materials) == 3
    window = [{"kind": "range", "property": "energy", "minimum": 1, "maximum": 2}]
    assert sorted(run(tmp_path, content, filters=window).energies) == ["FeO", "NiO"]


@pytest.mark.parametrize("cell", ["abc", "inf", "-Infinity", "1e999", "12(3)", "1_0", "0x1F", "1 2"])
def test_text_in_a_number_column(tmp_path: Path, cell: str) -> None:
    content = f"formula,e\nFeO,1\nNiO,{cell}\n"
    with pytest.raises(DataError) as caught:
        run(tmp_path, content)
    for part in ("t.csv", "row 1 (counted from 0)", "'e'", repr(cell), "lenient"):
        assert part in str(caught.value)
    outcome = run(tmp_path, content, properties={"energy": energy(parse="lenient")})
    assert outcome.report["properties"]["energy"]["unreadable"] == 1
    assert outcome.materials["energy"].isna().tolist() == [False, True]


def test_infinity_in_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "source.parquet"
    pd.DataFrame({"formula": ["FeO", "NiO"], "e": [1.0, float("inf")]}).to_parquet(path)
    with pytest.raises(DataError, match="row 1 "):
        run(tmp_path, path.read_bytes(), name="t.parquet")
    outcome = run(tmp_path, path.read_bytes(), name="t.parquet", properties={"energy": energy(parse="lenient")})
    assert outcome.materials["energy"].isna().tolist() == [False, True]


def test_rows_are_counted_over_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "CHUNK_ROWS", 2)
    content = "formula,e,id\nFeO,1,a\nNiO,2,b\nNaCl,3,c\nKCl,4,d\nLiF,5,e\n"
    assert run(tmp_path, content).entries["entry_id"].tolist() == ["0", "1", "2", "3", "4"]
    named = run(tmp_path, content, columns={"formula": "formula", "entry_id": "id"})
    assert named.entries["entry_id"].tolist() == ["a", "b", "c", "d", "e"]
    with pytest.raises(DataError, match="row 5 "):
        run(tmp_path, content + "MgO,x,f\n")


def test_missing_column(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path, "formula,energy_pa\nFeO,1\n", properties={"energy": energy(column="energy_p")})
    for part in ("t.csv", "'energy_p'", "properties.energy.column", "formula, energy_pa", "mean 'energy_pa'"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "cannot be read"),
        ("t.csv", b"formula,e\n", "hold no rows"),
        ("t.csv.gz", gzip.compress(b"formula,e\nFeO,1\n" * 50)[:-9], "cut off"),
        ("t.csv", b"formula,e\nFeO,\nNiO,na\n", "'energy' has no value in any of 2 rows"),
        ("t.csv", b"formula,e\n2-Feb,1\n", "spreadsheet"),
    ],
)
def test_useless_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(tmp_path, content, name=name)


def test_nothing_passes_a_filter(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no row passes the filter 'min_elements'.*fewer than 3 elements"):
        run(tmp_path, "formula,e\nFeO,1\n", filters=[{"kind": "min_elements", "n": 3}])


def test_values_below_the_physical_bound_are_counted(tmp_path: Path) -> None:
    outcome = run(tmp_path, "formula,e\nFeO,-1\nNiO,1\n", properties={"energy": energy(minimum=0)})
    assert outcome.report["properties"]["energy"]["below_bound"] == 1


def test_units_are_stored_and_bytes_repeat(tmp_path: Path) -> None:
    content = "formula,e\nTeHg,-1\n2-Feb,2\nFe2O3,-3\nFe4O6,-2\n"
    first, second = run(tmp_path, content), run(tmp_path, content)
    assert first.files == second.files
    for name in ("entries", "materials"):
        field = pq.read_schema(tmp_path / f"{name}.parquet").field("energy")
        assert field.metadata == {b"unit": b"eV/atom"}
        assert str(field.type) == "double"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["FeO", "OFe", "Fe2O2", "NaN", "2-Feb", "Fe", "D2O"]),
            st.one_of(st.none(), st.floats(-50, 50)),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_accounting_always_sums_up(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float | None]]
) -> None:
    cells = ["Fe2O3,0", *(f"{formula},{'' if value is None else repr(value)}" for formula, value in rows)]
    filters = [{"kind": "range", "property": "energy", "minimum": -20, "maximum": 5}, {"kind": "min_elements", "n": 2}]
    outcome = run(tmp_path_factory.mktemp("c"), "\n".join(["formula,e", *cells]) + "\n", filters=filters)
    assert len(outcome.rejected) + outcome.materials["n_entries"].sum() == len(cells)
    assert outcome.materials["material_id"].is_monotonic_increasing
    for formula, lowest in outcome.energies.items():
        found = [v for f, v in rows if f not in {"2-Feb", "D2O"} and canonical(f) == formula and v is not None]
        assert formula == "Fe2O3" or lowest == min((v for v in found if -20 <= v <= 5), default=None) or pd.isna(lowest)
