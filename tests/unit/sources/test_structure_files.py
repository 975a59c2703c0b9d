"""A table with ids next to a folder of structure files."""

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest
from factories.curation import Outcome, curated, declared, energy

from elemflow.core.errors import ConfigError, DataError
from elemflow.sources.table import Options

CELL = "".join(f"_cell_length_{axis} 4.12\n" for axis in "abc") + "".join(
    f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma")
)
ATOMS = "loop_\n" + "".join(f"_atom_site_{key}\n" for key in ("label", "fract_x", "fract_y", "fract_z"))


def cif(metal: str) -> str:
    return f"# Müller\ndata_{metal}\n{CELL}{ATOMS}{metal}1 0 0 0\nCl1 0.5 0.5 0.5\n"


def poscar(metal: str) -> str:
    return f"{metal}Cl\n1\n4.12 0 0\n0 4.12 0\n0 0 4.12\n{metal} Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"


def extxyz(metal: str) -> str:
    return f'2\nLattice="4.12 0 0 0 4.12 0 0 0 4.12" Properties=species:S:1:pos:R:3\n{metal} 0 0 0\nCl 2.06 2.06 2.06\n'


def save(folder: Path, pattern: str, texts: dict[str, str | bytes]) -> None:
    for name, text in texts.items():
        path = folder / pattern.replace("{id}", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def curate(folder: Path, pattern: str, form: str, table: str = "id,e\na,1\nb,2\n", **source: Any) -> Outcome:
    (folder / "t.csv").write_text(table)
    options = declared(
        folder / "t.csv",
        columns={"entry_id": "id", "structure": {"column": "structure", "format": form}},
        properties={"energy": energy(), "volume": {"computed": "volume", "unit": "Å³", "title": "Volume"}},
    )
    options["source"] |= {"structures": str(folder / pattern), **source}
    return curated(folder, options)


@pytest.mark.parametrize(
    ("pattern", "form", "write"),
    [
        ("cifs/{id}.cif", "cif", cif),
        ("calculations/{id}/POSCAR", "poscar", poscar),
        ("xyz/s_{id}.extxyz", "extxyz", extxyz),
    ],
)
def test_a_table_with_a_folder_of_structures(tmp_path: Path, pattern: str, form: str, write: Any) -> None:
    save(tmp_path, pattern, {"a": write("Cs"), "b": write("K"), "unused": write("Rb")})
    outcome = curate(tmp_path, pattern, form)
    assert outcome.energies == {"ClCs": 1, "ClK": 2}
    assert outcome.materials["volume"].tolist() == pytest.approx([4.12**3] * 2)
    assert outcome.rejected.empty
    again = curate(tmp_path, pattern, form)
    assert again.files == outcome.files


def test_a_table_without_a_header(tmp_path: Path) -> None:
    save(tmp_path, "{id}.cif", {"0": cif("Cs"), "1": cif("K")})
    outcome = curate(tmp_path, "{id}.cif", "cif", "0,1.5\n1,2.5\n", names=["id", "e"])
    assert outcome.energies == {"ClCs": 1.5, "ClK": 2.5}
    with pytest.raises(DataError, match=r"its first row has 2 cells .* source\.names has 3"):
        curate(tmp_path, "{id}.cif", "cif", "0,1.5\n1,2.5\n", names=["id", "e", "f"])


def test_files_may_be_compressed_or_latin(tmp_path: Path) -> None:
    save(tmp_path, "{id}.cif", {"a": gzip.compress(cif("Cs").encode()), "b": cif("K").encode("latin-1")})
    assert curate(tmp_path, "{id}.cif", "cif").energies == {"ClCs": 1, "ClK": 2}


def test_rows_are_rejected_with_the_reason_of_the_reader(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = "id,e\na,1\nb,2\nc,3\nd,4\n"
    broken = cif("K").replace("K1 0 0 0", "K1 ? 0 0")
    save(tmp_path, "{id}.cif", {"a": cif("Cs"), "b": broken, "d": poscar("K")})
    with caplog.at_level(logging.WARNING):
        outcome = curate(tmp_path, "{id}.cif", "cif", table)
    assert outcome.energies == {"ClCs": 1}
    assert outcome.rejected["entry_id"].tolist() == ["b", "c", "d"]
    reasons = outcome.rejected["reason"].tolist()
    assert "_atom_site_fract_x of K1 is not given" in reasons[0]
    assert reasons[1] == "the structure is missing"
    assert "no line that starts with data_" in reasons[2]
    assert f"1 of 4 rows have no structure file, first {tmp_path / 'c.cif'}" in caplog.text


@pytest.mark.parametrize(
    ("pattern", "table", "message"),
    [
        ("{idd}.cif", "id,e\na,1\n", r"no column 'idd'\. Its columns are: id, e\. Did you mean 'id'"),
        ("{id}.cif", "id,e\nx,1\ny,2\n", r"No row has a structure file; the first would be .*x\.cif"),
        ("cifs/{id}.cif", "id,e\n../a,1\n", r"\.\./a\.cif of a row is not in the folder"),
        ("cifs/{id}.cif", "id,e\na,1\n../../b,1\n", "is not in the folder"),
        ("{id}.cif", "id,e,structure\na,1,x\n", "has a column 'structure' already"),
    ],
)
def test_tables_and_patterns_that_do_not_fit(tmp_path: Path, pattern: str, table: str, message: str) -> None:
    save(tmp_path, "{id}.cif", {"a": cif("Cs"), "cifs/a": cif("Cs")})
    with pytest.raises(DataError, match=message):
        curate(tmp_path, pattern, "cif", table)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    save(tmp_path, "{id}.cif", {"a": gzip.compress(cif("Cs").encode())[:-9], "b": cif("K")})
    with pytest.raises(DataError, match=r"a\.cif cannot be read"):
        curate(tmp_path, "{id}.cif", "cif")


def test_a_pattern_names_a_column(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"without a column in braces, such as cifs/\{id\}\.cif"):
        curate(tmp_path, "cifs", "cif")
    assert Options(path="a.csv", structures="{id}.cif").structures == "{id}.cif"
