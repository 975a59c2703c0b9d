"""Tables as people have them: packed, in archives, of other formats; each is curated as the plain CSV file would be."""

import bz2
import gzip
import io
import json
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import py7zr
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories.curation import run

from elemflow.core.errors import ConfigError, DataError
from elemflow.sources import table_rows
from elemflow.sources.table_files import format_of

CSV = b"formula,e\nNaN,-1.5\nFe2O3,2\nTiO2,\n"
FRAME = pd.DataFrame({"formula": ["NaN", "Fe2O3", "TiO2"], "e": [-1.5, 2, None]})
ENERGIES = {"NNa": -1.5, "Fe2O3": 2.0}


def energies_of(folder: Path, content: bytes, name: str, **source: Any) -> dict[str, float]:
    outcome = run(folder, content, name, source={"kind": "table", "path": str(folder / name), **source})
    assert outcome.report["steps"][0]["rows"] == 3
    return {name: value for name, value in outcome.energies.items() if not pd.isna(value)}


def seven_zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with py7zr.SevenZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(content, name)
    return target.getvalue()


def zstandard(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return packed


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def tarred(mode: str, members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=f"w:{mode}") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard,
    "zip": lambda content: zipped({"inner.csv": content}),
}


@pytest.mark.parametrize("suffix", PACKED)
def test_a_compressed_table(tmp_path: Path, suffix: str) -> None:
    assert energies_of(tmp_path, PACKED[suffix](CSV), f"t.csv.{suffix}") == ENERGIES


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_a_compressed_parquet_file(tmp_path: Path, suffix: str) -> None:
    plain = io.BytesIO()
    FRAME.to_parquet(plain)
    assert energies_of(tmp_path, PACKED[suffix](plain.getvalue()), f"t.parquet.{suffix}") == ENERGIES


@pytest.mark.parametrize("suffix", PACKED)
def test_a_compressed_table_that_is_cut_off(tmp_path: Path, suffix: str) -> None:
    whole = PACKED[suffix](b"formula,e\n" + b"".join(f"Fe{n}O,{n}\n".encode() for n in range(2, 3000)))
    with pytest.raises(DataError, match=rf"t\.csv\.{suffix} cannot be read as csv: .*cut off"):
        energies_of(tmp_path, whole[: len(whole) // 2], f"t.csv.{suffix}")


MEMBERS = {"data/read.me": b"nothing", "data/t.csv": CSV, "data/._t.csv": b"x"}
ARCHIVES = {
    "t.zip": zipped(MEMBERS),
    "t.tar": tarred("", MEMBERS),
    "t.tar.gz": tarred("gz", MEMBERS),
    "t.tar.xz": tarred("xz", MEMBERS),
    "t.tar.zst": zstandard(tarred("", MEMBERS)),
    "t.7z": seven_zipped(MEMBERS),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_member_of_an_archive(tmp_path: Path, name: str) -> None:
    assert energies_of(tmp_path, ARCHIVES[name], name, member="data/t.csv") == ENERGIES
    with pytest.raises(DataError, match=r"no member 'data/t\.cvs'\. It holds .* mean 'data/t\.csv'.*source\.member"):
        energies_of(tmp_path, ARCHIVES[name], name, member="data/t.cvs", format="csv")
    with pytest.raises(DataError, match=r"an archive of 2 files\. It holds data/read\.me, data/t\.csv\. Name one"):
        energies_of(tmp_path, ARCHIVES[name], name, format="csv")
    with pytest.raises(ConfigError, match=rf"source\.format of .*{name} is not given.*source\.member"):
        energies_of(tmp_path, ARCHIVES[name], name)


def test_the_only_member_needs_no_name(tmp_path: Path) -> None:
    content = tarred("gz", {"./._t.csv": b"x", "./t.csv": CSV})
    assert energies_of(tmp_path, content, "t.tgz", format="csv") == ENERGIES


def test_a_member_of_what_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv is no zip, tar or 7z archive\. Remove source\.member"):
        energies_of(tmp_path, CSV, "t.csv", member="t.csv")


def test_an_encrypted_or_damaged_archive(tmp_path: Path) -> None:
    content = bytearray(zipped({"t.csv": CSV}))
    content[6] |= 1  # the flag of encryption, here and in the list of members
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match=r"t\.zip cannot be read as csv: .*encrypted"):
        energies_of(tmp_path, bytes(content), "t.zip", member="t.csv")
    with pytest.raises(DataError, match=r"t\.zip cannot be read as csv"):
        energies_of(tmp_path, bytes(content)[:60], "t.zip", member="t.csv")


def test_a_damaged_7z_archive(tmp_path: Path) -> None:
    content = seven_zipped({"t.csv": CSV})
    for damaged in (content[: len(content) // 2], content[:40] + bytes([content[40] ^ 1]) + content[41:]):
        with pytest.raises(DataError, match=r"t\.7z cannot be read as csv"):
            energies_of(tmp_path, damaged, "t.7z", member="t.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.dat"])
def test_columns_between_spaces_and_tabs(tmp_path: Path, name: str) -> None:
    content = b"formula   e\tid\n  NaN  -1.5 a\nFe2O3\t 2   b\nTiO2  nan  c  \n"
    assert energies_of(tmp_path, content, name, separator="whitespace") == ENERGIES
    with pytest.raises(DataError, match=r"t\.\w+ cannot be read as csv"):
        energies_of(tmp_path, content + b"Fe O 1 d\n", name, separator="whitespace")


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.jsonl.gz", "T.JSONL"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    content = "".join(json.dumps(row) + "\n\n" for row in [{"formula": "NaN", "e": -1.5}, {"formula": "Fe2O3", "e": 2}])
    content += '{"formula": "TiO2", "e": null}'
    packed = gzip.compress(content.encode()) if name.endswith("gz") else content.encode()
    assert energies_of(tmp_path, packed, name) == ENERGIES
    for damage, reason in {'{"formula": "Ti': "line 5 is not JSON", "[1]": "line 5 is not a record"}.items():
        broken = content.rpartition("{")[0] + damage
        with pytest.raises(DataError, match=rf"cannot be read as jsonl: {reason}"):
            energies_of(tmp_path, gzip.compress(broken.encode()) if name.endswith("gz") else broken.encode(), name)


def test_json_lines_that_are_called_json(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one record per line, the format is jsonl"):
        energies_of(tmp_path, b'{"formula": "NaN", "e": 1}\n{"formula": "FeO", "e": 1}\n', "t.json")


def test_a_second_list_of_records_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more text behind the list"):
        energies_of(tmp_path, b'[{"formula": "NaN", "e": 1}]\n[{"formula": "FeO", "e": 1}]\n', "t.json")


def test_a_table_in_a_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["formula", "e", None])
    for row in [["NaN", -1.5], [None, None], ["Fe2O3", 2], ["TiO2", None]]:
        book.active.append(row)
    book.create_sheet("more").append(["formula", "formula"])
    content = io.BytesIO()
    book.save(content)
    assert energies_of(tmp_path, content.getvalue(), "t.xlsx") == ENERGIES
    with pytest.raises(DataError, match=r"no sheet 'moer'\. .*mean 'more'.*source\.sheet"):
        energies_of(tmp_path, content.getvalue(), "t.xlsx", sheet="moer")
    with pytest.raises(DataError, match="more than one column 'formula'"):
        energies_of(tmp_path, content.getvalue(), "t.xlsx", sheet="more")
    with pytest.raises(DataError, match=r"t\.csv is a workbook\. Set source\.format to xlsx"):
        energies_of(tmp_path, content.getvalue(), "t.csv")
    assert energies_of(tmp_path, zipped({"t.xlsx": content.getvalue()}), "t.zip", member="t.xlsx") == ENERGIES


def test_a_damaged_workbook(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    content = io.BytesIO()
    FRAME.to_excel(content, index=False)
    for member in zipfile.ZipFile(content).namelist():
        damaged = io.BytesIO()
        with zipfile.ZipFile(content) as whole, zipfile.ZipFile(damaged, "w") as archive:
            for name in whole.namelist():
                archive.writestr(name, whole.read(name)[: -40 if name == member else None])
        if member.startswith(("xl/worksheets", "xl/workbook", "[Content")):
            with pytest.raises(DataError, match=r"t\.xlsx cannot be read as xlsx"):
                energies_of(tmp_path, damaged.getvalue(), "t.xlsx")
    with pytest.raises(DataError, match=r"t\.csv\.zip cannot be read as xlsx: it is no workbook"):
        energies_of(tmp_path, zipped({"t.csv": CSV}), "t.csv.zip", format="xlsx")


@pytest.mark.parametrize(("old", "new"), [(b"index_columns", b"index_colXmns"), (b"unicode", b"unicodR")])
def test_damaged_notes_of_pandas(tmp_path: Path, old: bytes, new: bytes) -> None:
    whole = pa.Table.from_pandas(FRAME)
    notes = whole.schema.metadata[b"pandas"].replace(old, new)
    pq.write_table(whole.replace_schema_metadata({b"pandas": notes}), tmp_path / "source")
    with pytest.raises(DataError, match=r"t\.parquet cannot be read as parquet: what pandas noted"):
        energies_of(tmp_path, (tmp_path / "source").read_bytes(), "t.parquet")


def test_a_workbook_without_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigError, match=r"t\.xlsx: .*pip install openpyxl"):
        energies_of(tmp_path, b"PK\x03\x04", "t.xlsx")


@pytest.mark.parametrize(
    ("source", "message"),
    [({"name": "t.json", "decimal": ","}, "decimal comma is for csv"), ({"name": "t.csv", "sheet": "a"}, "for xlsx")],
)
def test_keys_of_another_format(tmp_path: Path, source: dict[str, str], message: str) -> None:
    name = source.pop("name")
    with pytest.raises(ConfigError, match=message):
        energies_of(tmp_path, CSV, name, **source)


@pytest.mark.parametrize("chunk", [1, 2])
def test_rows_stream_from_every_kind_of_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", chunk)
    for suffix, pack in PACKED.items():
        (tmp_path / f"t.csv.{suffix}").write_bytes(pack(CSV))
        frames = list(table_rows.read_table(tmp_path / f"t.csv.{suffix}", table_rows.Layout("csv")))
        assert [len(frame) for frame in frames] == ([1, 1, 1] if chunk == 1 else [2, 1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "csv"),
        ("A.CSV.GZ", "csv"),
        ("a.tsv", "csv"),
        ("a.v1.json.bz2", "json"),
        ("a.parquet.zst", "parquet"),
        ("a.csv.zip", "csv"),
        ("a.ndjson", "jsonl"),
        ("a.xlsx", "xlsx"),
        ("a.tar.gz", None),
        ("a.xls", None),
        ("csv", None),
        (".gz", None),
    ],
)
def test_the_format_follows_from_the_name(name: str, expected: str | None) -> None:
    assert format_of(name) == expected


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'[{"formula": "NaN", "e": ' + b"[" * 50_000 + b"]" * 50_000 + b"}]"]
)
def test_json_that_is_nested_too_deep(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"t\.json cannot be read as json"):
        energies_of(tmp_path, content, "t.json")


def test_half_a_character_costs_its_own_cell_alone(tmp_path: Path) -> None:
    rows = [
        '{"formula": "NaN", "e": -1.5, "note": "\\ud800"}',
        '{"formula": "Fe\\udfff", "e": 1}',
        '{"formula": "FeO", "e": 2}',
    ]
    outcome = run(tmp_path, f"[{','.join(rows)}]", "t.json", source={"kind": "table", "path": str(tmp_path / "t.json")})
    assert outcome.energies == {"NNa": -1.5, "FeO": 2.0}
    assert len(outcome.rejected) == 1
