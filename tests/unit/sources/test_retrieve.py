"""Sources: files on disk, matminer's registry and shipped data, the Miedema model, and the manifest."""

import gzip
import io
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.config.dataset import Source
from elemflow.config.kinds import SOURCES
from elemflow.core.errors import ConfigError, DataError
from elemflow.core.files import read_json
from elemflow.sources import json_rows, matminer, table_rows
from elemflow.sources.csv_header import header_separator
from elemflow.sources.json_rows import iter_rows
from elemflow.sources.matminer import registry_entry
from elemflow.sources.options import SourceOptions
from elemflow.sources.records import FileRecord
from elemflow.sources.retrieve import read_raw, retrieve

CSV = "formula,gap\nNaN,0.10\nNaCl,\nnull,NA\n"


def source_of(**options: Any) -> Source:
    return Source.model_validate(options)


def rows_of(source: Source, folder: Path) -> pd.DataFrame:
    retrieve("demo", source, folder)
    return pd.concat(read_raw("demo", source, folder), ignore_index=True)


def save(path: Path, content: bytes, **options: Any) -> Source:
    path.write_bytes(content)
    return source_of(kind="table", path=str(path), **options)


def test_csv_is_text_as_given(tmp_path: Path) -> None:
    frame = rows_of(save(tmp_path / "a.csv", b"\xef\xbb\xbf" + CSV.encode()), tmp_path / "raw")
    assert frame.to_dict("list") == {"formula": ["NaN", "NaCl", "null"], "gap": ["0.10", "", "NA"]}


@pytest.mark.parametrize("chunk", [1, 2, 100])
@pytest.mark.parametrize("layout", ["records", "split", "csv"])
def test_layouts_and_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, chunk: int) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(json_rows, "_BLOCK", 5)
    data = [["NaN", 0.1, {"@class": "Structure", "a": [1, 2.5]}], ["NaCl", None, None], ["Fe\u00e92", 12, True]]
    columns = ["formula", "gap", "structure"]
    texts = {
        "records": json.dumps([dict(zip(columns, row, strict=True)) for row in data]),
        "split": json.dumps({"index": [0, 1, 2], "columns": columns, "data": data}, indent=1),
        "csv": pd.DataFrame(
            [["NaN", "0.1", '{"@class": "Structure", "a": [1, 2.5]}'], ["NaCl", "", ""], ["Fe\u00e92", "12", "true"]],
            columns=columns,
        ).to_csv(index=False),
    }
    path = tmp_path / f"a.{'csv' if layout == 'csv' else 'json'}.gz"
    source = save(path, gzip.compress(texts[layout].encode()))
    retrieve("demo", source, tmp_path / "raw")
    frames = list(read_raw("demo", source, tmp_path / "raw"))
    assert max(map(len, frames)) <= chunk
    assert {frame.attrs["file"] for frame in frames} == {path.name}
    assert pd.concat(frames).to_dict("list") == {
        "formula": ["NaN", "NaCl", "Fe\u00e92"],
        "gap": ["0.1", "", "12"],
        "structure": ['{"@class": "Structure", "a": [1, 2.5]}', "", "true"],
    }


def test_parquet_keeps_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"formula": ["NaN", None], "gap": [0.1, None], "n": [3, 4]}).to_parquet(path)
    frame = rows_of(source_of(kind="table", path=str(path)), tmp_path / "raw")
    assert frame["formula"].tolist() == ["NaN", ""]
    assert frame["gap"].dtype == float
    assert frame["n"].tolist() == [3, 4]


def test_an_index_of_pandas_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"formula": ["NaCl"], "gap": [8.5]}).set_index("formula").to_parquet(path)
    frame = rows_of(source_of(kind="table", path=str(path)), tmp_path / "raw")
    assert frame["formula"].tolist() == ["NaCl"]


def test_whole_numbers_of_pandas_stay_whole_next_to_gaps(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"formula": ["NaCl", "KCl"], "fold": pd.array([5, None], "Int64")}).to_parquet(path)
    frame = rows_of(source_of(kind="table", path=str(path)), tmp_path / "raw")
    assert frame["fold"].dtype == "Int64"


def test_whole_numbers_are_alike_in_blocks_with_and_without_gaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", 2)
    columns = {"n": pa.array([225, 225, 225, None], pa.int64()), "known": pa.array([True, False, None, True])}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    one, two = table_rows.read_table(tmp_path / "a.parquet", table_rows.Layout("parquet"))
    assert one.dtypes.tolist() == two.dtypes.tolist()
    assert one["n"].astype(str).tolist() == ["225", "225"]


def test_nested_columns_of_parquet_are_json_text(tmp_path: Path) -> None:
    structure = {"elements": ["Na"], "coords": [[0.0, 0.5, 0.25]]}
    pq.write_table(pa.table({"atoms": [structure, None]}), tmp_path / "a.parquet")
    (frame,) = table_rows.read_table(tmp_path / "a.parquet", table_rows.Layout("parquet"))
    assert json.loads(frame["atoms"][0]) == structure
    assert frame["atoms"][1] == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("long.csv", b"x" * 200_000),
        ("wide.csv", b"formula,gap\nNaCl,1,2\n"),
        ("encoding.csv", "formula\nFe\u00e9\n".encode("latin-1")),
        ("cut.csv.gz", gzip.compress(CSV.encode() * 1000, mtime=0)[:-20]),
        ("cut.json", b'{"columns": ["formula"], "data": [["NaCl"], ["Fe'),
        ("ragged.json", b'{"columns": ["formula", "gap"], "data": [["NaCl"]]}'),
        ("columns.json", b'{"formula": {"0": "NaCl"}}'),
        ("scalar.json", b"3"),
        ("late.json", b'{"data": [["NaCl"]], "columns": ["formula"]}'),
        ("bad.parquet", b"PAR1 and nothing else"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(DataError, match=rf"{name}(: the file is empty| cannot be read as)"):
        rows_of(save(tmp_path / name, content), tmp_path / "raw")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_declared(tmp_path: Path, separator: str) -> None:
    text = CSV.replace(",", separator)
    source = save(tmp_path / "a.csv", text.encode())
    with pytest.raises(DataError, match=r"a\.csv: its header .* one column.*source\.separator") as refused:
        rows_of(source, tmp_path / "raw")
    assert repr(separator) in str(refused.value)
    source = save(tmp_path / "a.csv", text.encode(), separator=separator)
    assert rows_of(source, tmp_path / "raw")["gap"].tolist() == ["0.10", "", "NA"]


def test_a_single_column_needs_no_separator(tmp_path: Path) -> None:
    frame = rows_of(save(tmp_path / "a.csv", b"formula\nNaCl\n"), tmp_path / "raw")
    assert frame.to_dict("list") == {"formula": ["NaCl"]}


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_an_empty_line_of_a_single_column_is_an_empty_cell_unless_it_ends_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", chunk)
    frame = rows_of(save(tmp_path / "a.csv", b"formula\nNaCl\n\n\nKCl\n\n\n"), tmp_path / "raw")
    assert frame["formula"].tolist() == ["NaCl", "", "", "KCl"]
    pairs = rows_of(save(tmp_path / "b.csv", b"formula,e\nNaCl,1\n\nKCl,2\n"), tmp_path / "raw2")
    assert pairs["formula"].tolist() == ["NaCl", "KCl"]


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv has more than one column 'gap'"):
        rows_of(save(tmp_path / "a.csv", b"formula,gap,gap\nNaCl,1,2\n"), tmp_path / "raw")
    table_of = pa.table([pa.array(["NaCl"]), pa.array([1.0]), pa.array([2.0])], names=["formula", "gap", "gap"])
    pq.write_table(table_of, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet has more than one column 'gap'"):
        rows_of(source_of(kind="table", path=str(tmp_path / "a.parquet")), tmp_path / "raw")
    with pytest.raises(DataError, match=r"a\.csv has more than one column 'gap'"):
        rows_of(save(tmp_path / "a.csv", b"\nformula,gap,gap\nNaCl,1,2\n"), tmp_path / "raw")
    split = b'{"columns": ["formula", "gap", "gap"], "index": [0], "data": [["NaCl", 1, 2]]}'
    with pytest.raises(DataError, match=r"a\.json .* more than one column 'gap'"):
        rows_of(save(tmp_path / "a.json", split), tmp_path / "raw")
    frame = rows_of(save(tmp_path / "a.csv", b"formula,,\nNaCl,,\n"), tmp_path / "raw")
    assert frame["formula"].tolist() == ["NaCl"]


@pytest.mark.parametrize(
    "text",
    [
        "\n\nformula;gap\nNaN;0.1\n", " \nformula;gap\n\nNaN;0.1\n", "\r\n\r\nformula;gap\r\nNaN;0.1",
        "\r\rformula;gap\rNaN;0.1\r", "\ufeff\n\nformula;gap\nNaN;0.1\n", "\ufeffformula;gap\nNaN;0.1\n",
    ],
)  # fmt: skip
def test_empty_lines_above_the_header_are_passed_over(tmp_path: Path, text: str) -> None:
    frame = rows_of(save(tmp_path / "a.csv", text.encode(), separator=";"), tmp_path / "raw")
    assert frame.to_dict("list") == {"formula": ["NaN"], "gap": ["0.1"]}
    assert header_separator(tmp_path / "a.csv") == ";"
    with pytest.raises(DataError, match=r"looks like ';'"):
        rows_of(save(tmp_path / "a.csv", text.encode()), tmp_path / "raw")


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nformula;gap\nNaN;0,1\n", "\ufeffsep=;\r\nformula;gap\r\nNaN;0,1\r\n", "SEP=;\n\nformula;gap\n\nNaN;0,1",
        '\n"sep=;"\nformula;gap\nNaN;0,1\n', "sep=;;\nformula;gap\nNaN;0,1\n", "sep=;\rformula;gap\rNaN;0,1\r",
        "sep=:\nformula:gap\nNaN:0,1\n", "sep=\t\nformula\tgap\nNaN\t0,1\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("declared", [",", "whitespace"])
def test_a_first_line_that_names_the_separator_is_followed(tmp_path: Path, text: str, declared: str) -> None:
    frame = rows_of(save(tmp_path / "a.csv", text.encode(), separator=declared), tmp_path / "raw")
    assert frame.to_dict("list") == {"formula": ["NaN"], "gap": ["0,1"]}
    assert header_separator(tmp_path / "a.csv") == next(sign for sign in text[text.index("=") + 1 :])


def test_a_first_line_that_names_the_separator_is_no_row(tmp_path: Path) -> None:
    table_file = save(tmp_path / "a.csv", b"sep=;\nNaN;0.1\nNaCl;8\n", names=["formula", "gap"])
    assert rows_of(table_file, tmp_path / "raw")["formula"].tolist() == ["NaN", "NaCl"]
    with pytest.raises(DataError, match="line 4 has 1 cells, the header 2"):
        rows_of(save(tmp_path / "a.csv", b"sep=;\nformula;gap\nNaN;0.1\nNaCl\n"), tmp_path / "raw")
    single = save(tmp_path / "a.csv", b"sep=;\n\nformula\nNaN\n")
    assert rows_of(single, tmp_path / "raw").to_dict("list") == {"formula": ["NaN"]}
    with pytest.raises(DataError, match="line 5 has 1 cells, the header 2"):
        rows_of(save(tmp_path / "a.csv", b"sep=;\n\nformula;gap\nNaN;0.1\nNaCl\n"), tmp_path / "raw")
    with pytest.raises(DataError, match="line 4 has 3 cells, the header 2"):
        rows_of(save(tmp_path / "a.csv", b"sep=;\nformula;gap\nNaN;0.1\nNaCl;8;9\n"), tmp_path / "raw")
    with pytest.raises(DataError, match="the file is empty"):
        rows_of(save(tmp_path / "a.csv", b"sep=;\n"), tmp_path / "raw")


@pytest.mark.parametrize(("name", "text"), [("a.json", '[{"formula": NaN, "gap": NaN}, {"formula": "NaN", "gap": 1}]'),
                                            ("a.jsonl", '{"formula": NaN}\n{"formula": "NaN", "gap": 1}\n')])  # fmt: skip
def test_a_missing_formula_is_no_sodium_nitride(tmp_path: Path, name: str, text: str) -> None:
    frame = rows_of(save(tmp_path / name, text.encode()), tmp_path / "raw")
    assert frame.to_dict("list") == {"formula": ["", "NaN"], "gap": ["", "1"]}


def test_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv .* the byte 0xe9 is not UTF-8\. Save the file as UTF-8\."):
        rows_of(save(tmp_path / "a.csv", "formula\nFe\u00e9\n".encode("latin-1")), tmp_path / "raw")


def test_numbers_may_end_with_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    for block in range(1, 12):
        monkeypatch.setattr(json_rows, "_BLOCK", block)
        text = '{"count": 1234567, "columns": ["a"], "data": [[12345], [6]]}'
        assert list(iter_rows(io.StringIO(text))) == [{"a": 12345}, {"a": 6}]


def test_manifest(tmp_path: Path) -> None:
    source = save(tmp_path / "a.csv", CSV.encode())
    retrieve("demo", source, tmp_path / "raw")
    manifest = read_json(tmp_path / "raw" / "manifest.json")
    assert manifest["dataset"] == "demo"
    assert manifest["source"]["path"] == str(tmp_path / "a.csv")
    assert manifest["files"][0]["file"] == "a.csv"
    assert manifest["files"][0]["bytes"] == len(CSV)


def test_changed_or_missing_file_is_refused_at_once(tmp_path: Path) -> None:
    source = save(tmp_path / "a.csv", CSV.encode())
    retrieve("demo", source, tmp_path / "raw")
    (tmp_path / "raw" / "a.csv").write_text(CSV + "KCl,1\n")
    with pytest.raises(DataError, match="was changed"):
        read_raw("demo", source, tmp_path / "raw")
    (tmp_path / "raw" / "a.csv").unlink()
    with pytest.raises(DataError, match="is missing"):
        read_raw("demo", source, tmp_path / "raw")


def test_manifest_of_another_source_is_refused(tmp_path: Path) -> None:
    retrieve("demo", save(tmp_path / "a.csv", CSV.encode()), tmp_path / "raw")
    with pytest.raises(DataError, match="another source"):
        read_raw("demo", save(tmp_path / "b.csv", CSV.encode()), tmp_path / "raw")


def test_failed_retrieval_leaves_no_manifest(tmp_path: Path) -> None:
    retrieve("demo", save(tmp_path / "a.csv", CSV.encode()), tmp_path / "raw")
    source = save(tmp_path / "a.csv", CSV.encode(), sha256="0" * 64)
    with pytest.raises(DataError, match="SHA-256"):
        retrieve("demo", source, tmp_path / "raw")
    with pytest.raises(DataError, match=r"manifest\.json is missing"):
        read_raw("demo", source, tmp_path / "raw")


def test_mistakes_in_the_config(tmp_path: Path) -> None:
    for source, message in [
        ({"kind": "spreadsheet"}, "Allowed are aflow, deposit, jarvis, materials_project, matminer"),
        ({"kind": "table", "url": "http://127.0.0.1:1/files/28232598"}, "source.format"),
        ({"kind": "matminer", "name": "expt_gap_kingsburry"}, "Did you mean 'expt_gap_kingsbury'"),
        ({"kind": "miedema", "elements": ["Al", "O"], "fractions": [0.5]}, "no parameters for O"),
        (
            {"kind": "miedema", "elements": ["Al", "Ni"], "fractions": [1.0]},
            "key 'source.fractions.0': Input should be less than 1",
        ),
    ]:
        with pytest.raises(ConfigError, match=message):
            retrieve("demo", source_of(**source), tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        retrieve("demo", source_of(kind="table", path="nowhere.csv"), tmp_path)


def test_matminer_registry_pins_address_and_digest() -> None:
    entry = registry_entry("expt_formation_enthalpy_kingsbury")
    assert entry["num_entries"] == 2135
    assert entry["hash"].startswith("a2d2ced98d40")


def test_matminer_dataset_is_verified_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[tuple[str, str]] = []

    def fake(url: str, path: Path, *, sha256: str) -> FileRecord:
        requested.append((url, sha256))
        path.write_bytes(gzip.compress(b'{"columns": ["formula", "gap expt"], "index": [0], "data": [["CuBr", 3.08]]}'))
        return FileRecord.of(path, url=url)

    monkeypatch.setattr(matminer, "download", fake)
    frame = rows_of(source_of(kind="matminer", name="expt_gap"), tmp_path)
    assert frame.to_dict("records") == [{"formula": "CuBr", "gap expt": "3.08"}]
    entry = registry_entry("expt_gap")
    assert requested == [(entry["url"], entry["hash"])]


def test_matbench_formula_is_that_of_the_cell(tmp_path: Path) -> None:
    def site(*species: tuple[str, float]) -> dict[str, Any]:
        return {"species": [{"element": symbol, "occu": share} for symbol, share in species]}

    structure = {"@class": "Structure", "sites": [site(("Na", 1)), site(("Na", 1)), site(("Cl", 0.5), ("Br", 0.5))]}
    text = json.dumps({"columns": ["structure", "e_form"], "index": [0], "data": [[structure, -1.0]]})
    (tmp_path / "matbench_mp_e_form.json.gz").write_bytes(gzip.compress(text.encode()))
    (frame,) = matminer.read(matminer.Options(name="matbench_mp_e_form"), tmp_path)
    assert frame["formula"].tolist() == ["Na2Cl0.5Br0.5"]


def test_a_composition_of_pymatgen_is_a_formula(tmp_path: Path) -> None:
    """As in jarvis_dft_3d, which holds Composition objects."""
    held = {"@module": "pymatgen.core.composition", "@class": "Composition", "Ti": 1.0, "O": 2.0}
    rows = [[held, -1.0], ["Fe2O3", 0.0], [None, 1.0]]
    text = json.dumps({"columns": ["composition", "e_form"], "index": [0, 1, 2], "data": rows})
    (tmp_path / "jarvis_dft_3d.json.gz").write_bytes(gzip.compress(text.encode()))
    (frame,) = matminer.read(matminer.Options(name="jarvis_dft_3d"), tmp_path)
    assert frame["composition"].tolist() == ["Ti1O2", "Fe2O3", ""]


def test_matminer_transport(tmp_path: Path) -> None:
    frame = rows_of(source_of(kind="matminer_transport"), tmp_path)
    assert len(frame) == frame["mp_id"].nunique() == 47737
    assert list(frame.columns[:4]) == ["mp_id", "pretty_formula", "sigma_p", "sigma_n"]
    assert frame["S_p"].iloc[0] == "-1.7418776"


def test_miedema(tmp_path: Path) -> None:
    source = source_of(kind="miedema", elements=["Zr", "Cu", "Ti"], fractions=[0.25, 0.5])
    frame = rows_of(source, tmp_path)
    assert frame["formula"].unique().tolist() == ["CuTi3", "CuTi", "CuZr3", "CuZr", "TiZr3", "TiZr"]
    assert frame["phase"].tolist() == ["inter", "ss", "amor"] * 6
    values = frame.set_index(["formula", "phase"])["formation_enthalpy"].astype(float)
    # The values in eV/atom that matminer's own tests hold for TiZr.
    assert values["TiZr", "inter"] == pytest.approx(-0.003445022152)
    assert values["TiZr", "amor"] == pytest.approx(0.07076588363)
    assert values["CuZr", "inter"] < values["CuZr", "amor"] < values["CuZr", "ss"] < 0
    first = (tmp_path / "miedema.csv").read_bytes()
    retrieve("demo", source, tmp_path)
    assert (tmp_path / "miedema.csv").read_bytes() == first


def test_every_kind_has_a_module() -> None:
    for kind in SOURCES:
        module = import_module(SOURCES[kind])
        assert issubclass(module.Options, SourceOptions)
        assert callable(module.fetch)
        assert callable(module.read)
