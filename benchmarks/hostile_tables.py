"""Read thousands of random tables as the workflow does, and count those that end in an error of a library.

    python benchmarks/hostile_tables.py --tables 4000 --seed 1        # some minutes of one core

Each table has random rows of formulas, numbers, structures and texts that a program or a person might have written, in
a random format, declared with random keys and perhaps damaged in some bytes. It goes through retrieval, curation, the
features of compositions and, where it has structures, of structures, and a split. It is read, or refused with one
message (`ElemflowError`); everything else is a fault, and its input is kept in `--keep`. Numbers that are read must be
finite, and a refused table must leave no half-written file.
"""

import argparse
import bz2
import collections
import gzip
import io
import json
import logging
import lzma
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests")]

from factories.curation import curated, salt  # noqa: E402  with the tests

from elemflow.config.checks import check_datasets  # noqa: E402
from elemflow.config.dataset import Dataset  # noqa: E402
from elemflow.config.yaml_schema import check  # noqa: E402
from elemflow.core.errors import ElemflowError  # noqa: E402
from elemflow.core.parquet import read_frame  # noqa: E402
from elemflow.features.store import featurize_chunk, gather_chunks  # noqa: E402
from elemflow.splits.schemes.registry import read_split  # noqa: E402
from elemflow.splits.write import write_split  # noqa: E402

WORDS = """
Fe2O3 NaN CO Co NO InF Na3N TiO2 Fe0.62Nb0.0000616Co0.37 Fe9e-05Ni0.99991 Al2O3.2SiO2 CaCl2.2CH3OH CuSO4.5H2O
Ca0,5Sr0,5TiO3 La1-xSrxMnO3 Ti-6Al-4V Fe₂O₃ ＦｅＯ 2-Feb D2O XO2 Fe0 (FeO FeO)2 HeO Po U Og La2CuO4 BaTiO3 Mg(OH)2
{K3[Fe(CN)6]}2 Fe2+ Fe1e400O Fe1e-99O H2O@C60 null None True -1 1.5 =1+1 Fe2 formula
"""
ODD = ["", " ", " Fe2O3 ", "Fe 2", "Fe\u200b2O3", "Fe\nO", "\ud800", "a" * 5000, "(" * 3000 + "Fe", "Fe" * 2000, "\0"]
FORMULAS = [*WORDS.split(), *ODD]
NUMBERS = [
    *("1", "-1.5", "0", "-0.0", "2.5e-3", "1,5", "1.234,5", "1,234.5", "1e400", "-9999", "-9999.0", "nan", "NaN", "NA"),
    *("na", "", " ", "inf", "-inf", "1.5D-3", "−1.5", "0x10", "1_000", "١", "½", "12(3)", "<5", "1 ", "True", "null"),
    *("9" * 400, "--", "1e"),
]
TEXTS = ["a", "b", "", "é", "../x", "a,b", 'a"b', "a\nb", "=1+1", "x" * 300, "\ud83d", "NaN", "1"]
CIF = """data_x
_cell_length_a 5.6
_cell_length_b 5.6
_cell_length_c 5.6
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na 0 0 0 {occupancy}
Cl1 Cl 0.5 {place} 0.5 1
"""
POSCAR = "NaCl\n1.0\n5.6 0 0\n0 5.6 0\n0 0 5.6\nNa Cl\n{counts}\nDirect\n0 0 0\n0.5 0.5 0.5\n"
EXTXYZ = '2\nLattice="5.6 0 0 0 5.6 0 0 0 5.6" Properties=species:S:1:pos:R:3\nNa 0 0 0\nCl 2.8 2.8 {place}\n'
DAMAGES = [
    b"",
    b"\0",
    b"\n",
    b'"',
    b",",
    b";",
    b"\xff",
    b"\xef\xbb\xbf",
    b"{",
    b"]",
    b"1e400",
    b"formula",
    b" ",
    b"PK\x03\x04",
]
SLOW = 5
"""Seconds of CPU from which on a table is listed; the first one with features imports their libraries."""
STRUCTURES = ("jarvis", "cif", "poscar", "extxyz", "pymatgen")


def structure(chance: random.Random, form: str) -> str:
    """Return a text that is, or nearly is, a structure."""
    odd = chance.random() < 0.3
    place = chance.choice(["?", ".", "0,5", "x", "nan", "1e400", "", "0.5(2)"]) if odd else "0.5"
    occupancy = chance.choice([".", "?", "0", "1e-8", "2", "-1", "nan"]) if odd else "1"
    if form == "cif":
        text = CIF.format(place=place, occupancy=occupancy)
    elif form == "poscar":
        text = POSCAR.format(counts=chance.choice(["1", "1 1 1", "0 0", "a b", "999999999 1"]) if odd else "1 1")
    elif form == "extxyz":
        text = EXTXYZ.format(place=place)
    elif form == "pymatgen":
        lattice = {"matrix": [[5.6, 0, 0], [0, 5.6, 0], [0, 0, chance.choice([0, None, "a", 1e308]) if odd else 5.6]]}
        sites = [{"species": [{"element": s, "occu": 1}], "abc": [p, p, p]} for s, p in (("Na", 0), ("Cl", 0.5))]
        text = json.dumps({"lattice": lattice, "sites": sites})
    else:
        changes = (
            {"coords": chance.choice([[], [[0]], None, "x", [[0, 0, 0], [0, 0, 0]], [[1e308] * 3, [0] * 3]])}
            if odd
            else {}
        )
        text = salt(5.6, **changes)
    if chance.random() < 0.1:
        start = chance.randrange(len(text))
        text = (
            text[:start] + chance.choice(["", "\0", "{", "é", "\ud800", "1e400"]) + text[start + chance.randrange(9) :]
        )
    return text


def frame(chance: random.Random, form: str) -> pd.DataFrame:
    """Return a random table; all cells are texts, but for some numbers."""
    rows = chance.choice([0, 1, 2, 3, 8, 20, 20, 60])
    good = chance.choice([1, 1, 1, chance.random()])
    pick = lambda pool, sane: [chance.choice(pool[:sane] if chance.random() < good else pool) for _ in range(rows)]  # noqa: E731
    table = pd.DataFrame(
        {"formula": pick(FORMULAS, 8), "e": pick(NUMBERS, 5), "id": pick(TEXTS, len(TEXTS))}, dtype=object
    )
    if chance.random() < 0.5:
        table["id"] = [str(number) for number in range(rows)]
    if chance.random() < 0.4:
        table["e"] = pd.to_numeric(table["e"], errors="coerce") * chance.choice([1, 1e300, 1e-300, -1])
    table["atoms"] = [structure(chance, form) if chance.random() < 0.95 else "" for _ in range(rows)]
    table["role"] = [chance.choice(["train", "val", "test", "", "x"]) for _ in range(rows)]
    if chance.random() < 0.1:
        table = table.drop(columns=chance.choice(list(table.columns)))
    if chance.random() < 0.05:
        table.columns = [chance.choice(["formula", "e", "", "x\n"]) for _ in table.columns]
    return table


def written(chance: random.Random, table: pd.DataFrame) -> tuple[str, bytes, dict[str, Any]]:
    """Return name and bytes of a file with the table, and the keys of its source."""
    form = chance.choice(["csv", "csv", "csv", "json", "jsonl", "parquet", "xlsx"])
    keys: dict[str, Any] = {}
    if form == "csv":
        content = _csv(chance, table, keys)
    elif form in ("json", "jsonl"):
        content = _json(chance, table, form)
    else:
        target = io.BytesIO()
        try:
            table.to_parquet(target) if form == "parquet" else table.to_excel(target, index=False)
        except Exception:  # noqa: BLE001  what pyarrow cannot write is no file; or openpyxl is absent
            return written(chance, table)
        content = target.getvalue()
    name = f"t.{form}"
    if chance.random() < 0.2:
        name, content = _packed(chance, name, content, keys)
    for _ in range(chance.choice([0, 0, 0, 0, 0, 1, 3])):
        start = chance.randrange(len(content) + 1)
        content = content[:start] + chance.choice(DAMAGES) + content[start + chance.randrange(20) :]
    if chance.random() < 0.05:
        content = content[: chance.randrange(len(content) + 1)]
    return name, content, keys


def _csv(chance: random.Random, table: pd.DataFrame, keys: dict[str, Any]) -> bytes:
    separator = chance.choice([",", ",", ";", "\t", "|"])
    decimal = chance.choice([".", ".", ","])
    text = table.to_csv(index=chance.random() < 0.1, sep=separator, decimal=decimal)
    content = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.2:
        content = content.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\n"]))
    if separator != "," and chance.random() < 0.9:
        keys["separator"] = separator
    if decimal == "," and separator != "," and chance.random() < 0.7:
        keys["decimal"] = ","
    if chance.random() < 0.1:
        content = content.decode("utf-8", "replace").encode(chance.choice(["utf-16", "latin-1"]), "replace")
        if chance.random() < 0.5:
            keys["encoding"] = "latin-1"
    return content


def _json(chance: random.Random, table: pd.DataFrame, form: str) -> bytes:
    rows = table.loc[:, ~table.columns.duplicated()].astype(object).to_dict("records")
    if chance.random() < 0.2:
        rows = [{key: value for key, value in row.items() if chance.random() < 0.8} for row in rows]
    if chance.random() < 0.1:
        rows.append(chance.choice([None, [], 1, "x", {}, {"formula": {"a": [1]}}, {"formula": ["Fe"], "e": {"x": 1}}]))
    text = "\n".join(map(json.dumps, rows)) if form == "jsonl" else json.dumps(rows)
    return (text + chance.choice(["", "", "", "[]", "x", "\n\n"])).encode()


def _packed(chance: random.Random, name: str, content: bytes, keys: dict[str, Any]) -> tuple[str, bytes]:
    kind = chance.choice(["gz", "bz2", "xz", "zip"])
    if kind == "zip":
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(name, content)
        if chance.random() < 0.5:
            keys["member"] = chance.choice([name, "x"])
        return f"{name}.zip", target.getvalue()
    return f"{name}.{kind}", {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[kind](content)


def declared(chance: random.Random, path: Path, keys: dict[str, Any], form: str) -> dict[str, Any]:
    """Return the declaration of a dataset."""
    columns: dict[str, Any] = {"formula": "formula"}
    if chance.random() < 0.5:
        columns["entry_id"] = "id"
    if chance.random() < 0.1:
        columns["amounts"] = "weight"
    if chance.random() < 0.2:
        columns["splits"] = ["role"]
    if structures := chance.random() < 0.35:
        columns["structure"] = {"column": "atoms", "format": chance.choice([form, form, form, *STRUCTURES])}
        columns["structure"]["required"] = chance.random() < 0.7
        if chance.random() < 0.3:
            del columns["formula"]
    energy = {
        "column": "e",
        "title": "Energy",
        "unit": "eV/atom",
        "parse": chance.choice(["strict", "lenient", "lenient"]),
    }
    energy["missing"] = chance.choice([[], ["NA", "na", "inf", "-inf"], ["-9999"], ["x", ""]])
    properties: dict[str, Any] = {"energy": energy}
    if structures and chance.random() < 0.5:
        properties["volume"] = {
            "title": "V",
            "computed": chance.choice(["volume_per_atom", "density", "spacegroup", "n_sites"]),
            "unit": "1",
        }
    filters = [
        chance.choice(
            [
                {"kind": "range", "property": "energy", "minimum": -20, "maximum": 20},
                {"kind": "sigma", "property": "energy", "n": 5},
                {"kind": "min_elements", "n": 2},
                {"kind": "has", "property": "energy"},
            ]
        )
        for _ in range(chance.choice([0, 0, 1, 2]))
    ]
    rules = [{"rule": "lowest", "property": "energy"}, {"rule": "median"}, {"rule": "first"}, {"rule": "all"}]
    rules += [{"rule": "structures", "property": "energy"}] if structures else []
    return {
        "title": "T",
        "source": {"kind": "table", "path": str(path), **keys},
        "columns": columns,
        "properties": properties,
        "filters": filters,
        "keep": chance.choice(rules),
    }


def read(folder: Path, declaration: dict[str, Any], chance: random.Random) -> str:
    """Read a table as the rules do; return what became of it."""
    try:
        check(declaration, "dataset", "t.yaml")
        dataset = Dataset.read(declaration)
        check_datasets({"t": dataset}, {"t": "t.yaml"})
        outcome = curated(folder, dict(dataset))
        values = outcome.materials[list(declaration["properties"])].to_numpy(float)
        if np.isinf(values).any():
            raise AssertionError("a value is infinite")
        for part in (
            "ef",
            "pa",
            *(["st"] if declaration["columns"].get("structure") and len(outcome.materials) < 10 else []),
        ):
            names = [folder / f"{part}{suffix}.parquet" for suffix in ("-0", "-0.lost", "", ".lost")]
            featurize_chunk(part, folder / "materials.parquet", names[0], names[1])
            gather_chunks(names[:1], names[1:2], names[2], names[3])
            features = read_frame(names[2]).drop(columns="material_id").to_numpy(float)
            if not np.isfinite(features).all():
                raise AssertionError(f"features of {part} are not finite")
        split: dict[str, Any] = {"scheme": "fractions", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 1}
        if chance.random() < 0.5:
            split = {"scheme": "k_fold", "folds": 3, "validation": 0.2, "seed": 1}
        write_split(folder / "materials.parquet", "energy", read_split(split), folder / "split.parquet", where="split")
    except ElemflowError as error:
        left = [path.name for path in folder.rglob("*") if ".part" in path.name or path.suffix == ".tmp"]
        if left:
            raise AssertionError(f"left over: {left}") from error
        if not str(error).strip() or len(str(error)) > 3000:
            raise AssertionError(f"message of {len(str(error))} characters") from error
        return "refused"
    return "read"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first table")
    parser.add_argument("--keep", type=Path, default=Path("hostile"), help="folder for the inputs of faults")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    counts: collections.Counter[str] = collections.Counter()
    slowest = 0.0
    for number in range(options.first, options.tables):
        chance = random.Random(f"{options.seed}/{number}")
        form = chance.choice(STRUCTURES)
        name, content, keys = written(chance, frame(chance, form))
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / name).write_bytes(content)
            declaration = declared(chance, folder / name, keys, form)
            started = time.process_time()
            try:
                counts[read(folder, declaration, chance)] += 1
            except (Exception, RecursionError) as error:  # noqa: BLE001  these are looked for
                place = traceback.extract_tb(error.__traceback__)
                own = [f"{Path(step.filename).name}:{step.lineno}" for step in place if "elemflow" in step.filename]
                kind = f"{type(error).__name__} at {own[-1] if own else place[-1]}: {str(error)[:150]!r}"
                counts[f"raw: {type(error).__name__} at {own[-1] if own else ''}"] += 1
                kept = options.keep / f"{options.seed}-{number}"
                shutil.rmtree(kept, ignore_errors=True)
                kept.mkdir(parents=True)
                (kept / name).write_bytes(content)
                (kept / "declaration.json").write_text(json.dumps(declaration, indent=1))
                (kept / "error.txt").write_text("".join(traceback.format_exception(error)), errors="replace")
                print(f"table {number}: {kind}", flush=True)
            seconds = time.process_time() - started
            slowest = max(slowest, seconds)
            if seconds > SLOW:
                print(f"table {number}: {seconds:.1f} s of CPU", flush=True)
    print(f"{options.tables - options.first} tables: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    print(f"slowest {slowest:.1f} s of CPU")


if __name__ == "__main__":
    main()
