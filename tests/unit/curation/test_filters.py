"""Filters of entries, and the account of every row."""

from pathlib import Path

import pytest
from factories.curation import (
    run,
)

from elemflow.chemistry.composition import SYMBOLS
from elemflow.core.errors import DataError


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


def test_nothing_passes_a_filter(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no row passes the filter 'min_elements'.*fewer than 3 elements"):
        run(tmp_path, "formula,e\nFeO,1\n", filters=[{"kind": "min_elements", "n": 3}])
