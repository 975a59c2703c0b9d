"""CIF text: what is read as it is meant, and what is refused with the reason."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.chemistry.cif import LARGEST_OCCUPANCY, from_cif
from elemflow.chemistry.composition import canonical
from elemflow.chemistry.crystal import formula_of

CELL = {f"_cell_length_{axis}": "4.12" for axis in "abc"} | {
    f"_cell_angle_{angle}": "90" for angle in ("alpha", "beta", "gamma")
}
CESIUM_CHLORIDE = (("Cs1", "Cs", "0", "0", "0", "1"), ("Cl1", "Cl", "0.5", "0.5", "0.5", "1"))
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")


def cif(*sites: tuple[str, ...], columns: tuple[str, ...] = COLUMNS, **cell: str) -> str:
    lines = ["data_test", *(f"{key} {value}" for key, value in {**CELL, **cell}.items() if value)]
    lines += ["loop_", *(f"_atom_site_{name}" for name in columns), *(" ".join(site) for site in sites)]
    return "\n".join(lines) + "\n"


def composition(text: str) -> str:
    return canonical(formula_of(from_cif(text).species))


@pytest.mark.parametrize("given", [".", "?", "1", "1.0", "1.00(3)", "1.00(3"])
def test_an_unknown_occupancy_is_one(given: str) -> None:
    crystal = from_cif(cif(("Cs1", "Cs", "0", "0", "0", given), CESIUM_CHLORIDE[1]))
    assert sorted(crystal.species) == ["Cl", "Cs"]


@pytest.mark.parametrize("nothing", ["0", "0.0", "0.000(1)"])
@pytest.mark.parametrize("place", [("0.1", "0.2", "0.3"), ("0", "0", "0")])
def test_sites_of_occupancy_zero_are_dropped(nothing: str, place: tuple[str, ...]) -> None:
    crystal = from_cif(cif(*CESIUM_CHLORIDE, ("Fe1", "Fe", *place, nothing)))
    assert sorted(crystal.species) == ["Cl", "Cs"]


@given(st.lists(st.integers(1, 20), min_size=2, max_size=5))
def test_rounded_occupancies_of_a_site_are_divided_by_their_sum(parts: list[int]) -> None:
    symbols = ["Fe", "Co", "Ni", "Cu", "Zn"][: len(parts)]
    rounded_up = [np.ceil(100 * part / sum(parts)) / 100 for part in parts]
    metals = [(f"{s}1", s, "0", "0", "0", f"{n:.2f}") for s, n in zip(symbols, rounded_up, strict=True)]
    crystal = from_cif(cif(*metals, ("O1", "O", "0.5", "0.5", "0.5", "1")))
    total = sum(rounded_up)
    assert total <= LARGEST_OCCUPANCY
    expected = "".join(f"{s}{round(n * 100)}" for s, n in zip(symbols, rounded_up, strict=True))
    mixed = next(species for species in crystal.species if species != "O")
    got, wanted = dict(_shares(mixed)), dict(_shares(expected))
    assert got.keys() == wanted.keys()
    assert all(got[symbol] == pytest.approx(wanted[symbol] / sum(wanted.values()), abs=1e-5) for symbol in got)


def _shares(formula: str) -> list[tuple[str, float]]:
    from elemflow.chemistry.composition import parse_formula

    return [(symbol, float(amount)) for symbol, amount in parse_formula(formula).items()]


def test_small_occupancies_are_read() -> None:
    text = cif(("Fe1", "Fe", "0", "0", "0", "0.99999"), ("Co1", "Co", "0", "0", "0", "0.00001"))
    assert composition(text) == "CoFe99999"


CADMIUM_IODIDE = {
    "_symmetry_space_group_name_H-M": "'P -3 m 1'", "_cell_length_c": "6.8", "_cell_angle_gamma": "120",
}  # fmt: skip


@pytest.mark.parametrize("digits", [4, 6])
def test_a_rounded_special_position_is_that_position(digits: int) -> None:
    places = (f"{1 / 3:.{digits}f}", f"{2 / 3:.{digits}f}")
    text = cif(("Cd1", "Cd", "0", "0", "0", "1"), ("I1", "I", *places, "0.249", "1"), **CADMIUM_IODIDE)
    assert composition(text) == "CdI2"


@pytest.mark.parametrize(("x", "y"), [("0.333", "0.667"), ("0.33", "0.67")])
def test_atoms_that_lie_on_one_another_are_refused(x: str, y: str) -> None:
    text = cif(("Cd1", "Cd", "0", "0", "0", "1"), ("I1", "I", x, y, "0.249", "1"), **CADMIUM_IODIDE)
    with pytest.raises(ValueError, match=r"atoms of I and I are 0\.\d+ Å apart.*may be rounded, as 0\.333 for 1/3"):
        from_cif(text)


def test_parts_of_an_atom_may_be_near_each_other() -> None:
    text = cif(CESIUM_CHLORIDE[1], ("Cs1", "Cs", "0", "0", "0", "0.5"), ("Cs2", "Cs", "0.05", "0", "0", "0.5"))
    assert composition(text) == "ClCs"
    near = cif(CESIUM_CHLORIDE[1], ("Cs1", "Cs", "0.01", "0", "0", "1"), ("Cs2", "Cs", "0.99", "0", "0", "1"))
    with pytest.raises(ValueError, match=r"atoms of Cs and Cs are 0\.082 Å apart"):
        from_cif(near)


@pytest.mark.parametrize("symbol", ["R -3 m H", "Fm3m", "P -1 :b"])
def test_a_space_group_that_is_unknown_is_not_taken_for_none(symbol: str) -> None:
    sites = (("Cd1", "Cd", "0", "0", "0", "1"), ("I1", "I", "0", "0", "0.25", "1"))
    text = cif(*sites, **{"_symmetry_space_group_name_H-M": f"'{symbol}'"})
    with pytest.raises(ValueError, match=f"the space group '{symbol}' is unknown and there are no symmetry operations"):
        from_cif(text)


@pytest.mark.parametrize(
    "key",
    [
        {"_symmetry_space_group_name_H-M": "'P 1'"},
        {"_space_group_name_H-M_alt": "?", "_space_group_name_Hall": "P1"},
        {"_symmetry_space_group_name_H-M": "'Pm3m'", "_symmetry_Int_Tables_number": "221"},
    ],
)
def test_sites_are_all_of_the_cell_without_a_space_group(key: dict[str, str]) -> None:
    assert sorted(from_cif(cif(*CESIUM_CHLORIDE, **key)).species) == ["Cl", "Cs"]


def test_a_single_site_needs_no_loop() -> None:
    keys = {f"_atom_site_{name}": value for name, value in zip(COLUMNS, CESIUM_CHLORIDE[0], strict=True)}
    crystal = from_cif("\n".join(["data_x", *(f"{key} {value}" for key, value in {**CELL, **keys}.items())]))
    assert crystal.species == ("Cs",)


def test_the_first_block_with_atoms_counts() -> None:
    second = cif(("Fe1", "Fe", "0", "0", "0", "1")).replace("data_test", "data_second")
    assert composition("data_global\n_journal_year 2026\n" + cif(*CESIUM_CHLORIDE) + second) == "ClCs"
    broken = cif(("Fe1", "Fe", "?", "0", "0", "1")).replace("data_test", "data_first")
    with pytest.raises(ValueError, match="_atom_site_fract_x of Fe1"):
        from_cif(broken + cif(*CESIUM_CHLORIDE))


POSCAR = "CsCl\n1.0\n4.12 0 0\n0 4.12 0\n0 0 4.12\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
BROKEN = {
    "": "it is empty",
    "CsCl.cif": "'CsCl.cif' is one line, perhaps the name of a file",
    '{"lattice": 1}': "it is JSON",
    POSCAR: "no line that starts with data_; it starts with 'CsCl'",
    '2\nLattice="4 0 0 0 4 0 0 0 4"\nCs 0 0 0\nCl 2 2 2\n': "it starts with '2'",
    "data_x\n_cell_length_a 3\n": r"no atoms \(_atom_site_fract_x\)",
    cif(*CESIUM_CHLORIDE).partition("loop_")[0]: "no atoms",
    cif(): "do not fill whole rows",
    cif(*CESIUM_CHLORIDE)[:-6]: "do not fill whole rows",
    cif(*CESIUM_CHLORIDE, _cell_length_b=""): r"no cell \(_cell_length_b\)",
    cif(*CESIUM_CHLORIDE, _cell_angle_beta=""): r"no cell \(_cell_angle_beta\)",
    cif(*CESIUM_CHLORIDE, _cell_length_b="0"): "has no volume",
    cif(*CESIUM_CHLORIDE, _cell_length_b="?"): r"_cell_length_b is not given \('\?'\)",
    cif(*CESIUM_CHLORIDE, _cell_length_b="4,12"): "_cell_length_b is '4,12', which is no number; write a decimal point",
    cif(*CESIUM_CHLORIDE, _cell_angle_alpha="200"): "no cell with the angles 200, 90, 90°",
    cif(*CESIUM_CHLORIDE, _cell_angle_alpha="10", _cell_angle_beta="20"): "no cell with the angles",
    cif(("Cs1", "Cs", "0,5", "0", "0", "1")): "_atom_site_fract_x of Cs1 is '0,5', which is no number; write a dec",
    cif(("Cs1", "Cs", "?", "?", "?", "1")): r"_atom_site_fract_x of Cs1 is not given \('\?'\)",
    cif(("Cs1", "Cs", "0", ".", "0", "1")): r"_atom_site_fract_y of Cs1 is not given \('\.'\)",
    cif(("Cs1", "Cs", "0", "0", "0", "half")): "_atom_site_occupancy of Cs1 is 'half', which is no number",
    cif(("Cs1", "Cs", "0", "0", "0", "-0.1")): "occupancy -0.1 is negative",
    cif(("Cs1", "Cs", "0", "0", "0", "0")): "every site has the occupancy 0",
    cif(("Cs1", "Cs", "0", "0", "0", "1"), ("Fe1", "Fe", "0", "0", "0", "1")): r"sum up to 2 \(Cs 1, Fe 1\)",
    cif(("Q1", "Q", "0", "0", "0", "1"), CESIUM_CHLORIDE[1]): "the site 'Q' names no element",
    cif(("0", "0", "0", "1"), columns=COLUMNS[2:]): "no elements",
}


@pytest.mark.parametrize(("text", "reason"), BROKEN.items(), ids=list(BROKEN.values()))
def test_a_cif_that_cannot_be_read_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        from_cif(text)
    for internal in ("no structures", "zip()", "modulo", "NoneType", "e-08"):
        assert internal not in str(caught.value)


@given(st.text(alphabet="0123456789.?()_loop_ atsie\n'", max_size=60), st.integers(0, 330))
def test_any_damage_is_a_reason(garbage: str, place: int) -> None:
    whole = cif(*CESIUM_CHLORIDE)
    with suppress(ValueError):  # and no other error
        from_cif(whole[:place] + garbage + whole[place:])
