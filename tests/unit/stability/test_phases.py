"""Known phases: the lowest energy of each composition, suspicious entries, and the file of a hull."""

import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.core.errors import DataError
from elemflow.stability.phases import HullFile, Phases, build_hull, gross_entries

HALIDES = [f"{metal}{halide}" for metal in ("Li", "Na", "K", "Rb", "Cs") for halide in ("F", "Cl", "Br", "I")]


def write_materials(path, formulas, energies, unit="eV/atom"):
    fields = [pa.field("composition", pa.string()), pa.field("energy", pa.float64(), metadata={"unit": unit})]
    pq.write_table(pa.table([pa.array(formulas), pa.array(energies)], schema=pa.schema(fields)), path)
    return path


def test_the_lowest_polymorph_counts_and_elements_are_left_out():
    found = Phases.of(["Li2O", "MnO", "Li2O", "Li"], np.array([-1.9, -1.0, -2.0, 0.0]), "here")
    assert found.compositions.formulas == ("Li2O", "MnO")
    assert found.energies.tolist() == [-2.0, -1.0]


@pytest.mark.parametrize("energy", [np.nan, np.inf])
def test_an_energy_that_is_no_number_is_refused(energy):
    with pytest.raises(DataError, match="MnO"):
        Phases.of(["Li2O", "MnO"], np.array([-1.0, energy]), "here")


def test_a_system_without_compounds_is_refused():
    with pytest.raises(DataError, match="here"):
        Phases.of(["Li", "O"], np.zeros(2), "here")


def test_energies_per_formula_unit_are_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        Phases.of(["Li2O", "Fe3O4"], np.array([-6.2, -11.0]), "here")
    assert "-11" in caplog.text
    assert "Fe3O4" in caplog.text


def test_elements_with_an_energy_are_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        Phases.of(["Li2O", "Fe"], np.array([-2.0, -8.3]), "here")
    assert "-8.3" in caplog.text


def test_a_property_in_another_unit_is_refused(tmp_path):
    path = write_materials(tmp_path / "materials.parquet", ["Li2O"], [-180.0], unit="kJ/mol")
    with pytest.raises(DataError, match="kJ/mol"):
        Phases.read(path, "energy")


def test_a_gross_entry_is_reported_by_how_far_it_pulls_the_hull():
    formulas = [*HALIDES, "Li2ClF", "LiNaCl2"]
    energies = np.append(np.linspace(-2.0, -1.6, len(HALIDES)), [-1.9, -1.7])
    energies[formulas.index("LiCl")] = -7.0
    (pull,) = gross_entries(Phases.of(formulas, energies, "here"))
    assert pull.formula == "ClLi"[::-1] or pull.formula == "LiCl"
    assert pull.energy == -7.0
    assert pull.moved == 2
    assert pull.furthest > 2


def test_the_file_of_a_hull_is_read_as_written(tmp_path, caplog):
    formulas = ["Li2O", "MnO2", "Li2MnO3", "LiO", "O2"]
    path = write_materials(tmp_path / "materials.parquet", [*formulas, "Li2O"], [-2.0, -1.7, -2.0, -1.2, 0.0, -1.9])
    build_hull(path, "energy", {"dataset": "d", "property": "energy"}, tmp_path / "hull.parquet")
    found = HullFile.read(tmp_path / "hull.parquet")
    assert found.source == {"dataset": "d", "property": "energy"}
    values = dict(zip(found.phases.compositions.formulas, found.decomposition, strict=True))
    assert values["Li2MnO3"] == pytest.approx(-2.0 + (2.0 + 1.7) / 2)
    assert values["Li2O"] < 0 < values["LiO"]
    first = (tmp_path / "hull.parquet").read_bytes()
    build_hull(path, "energy", {"dataset": "d", "property": "energy"}, tmp_path / "hull.parquet")
    assert (tmp_path / "hull.parquet").read_bytes() == first


def test_another_file_is_no_hull(tmp_path):
    path = write_materials(tmp_path / "materials.parquet", ["Li2O"], [-2.0])
    with pytest.raises(DataError, match=r"materials\.parquet"):
        HullFile.read(path)
