"""Files with formulas to predict."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from elemflow.core.errors import DataError
from elemflow.inference.formula_tables import formula_chunks


def zipped(content: bytes, *names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names or ("inner",):
            archive.writestr(name, content)
    return target.getvalue()


PACKED = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
    ".zip": zipped,
}
TEXTS = {
    "csv": b"id,formula\n1,NaN\n2,CuSO4\n",
    "tsv": b"id\tformula\n1\tNaN\n2\tCuSO4\n",
    "txt": b"NaN\n\nCuSO4",
    "json": b'[{"formula": "NaN"}, {"formula": "CuSO4"}]',
    "jsonl": b'{"formula": "NaN"}\n{"formula": "CuSO4"}\n',
}


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("suffix", PACKED)
def test_formulas_of_packed_files(tmp_path: Path, form: str, suffix: str) -> None:
    path = tmp_path / f"new.{form}{suffix}"
    path.write_bytes(PACKED[suffix](TEXTS[form]))
    assert [formula for chunk in formula_chunks(path) for formula in chunk.formulas] == ["NaN", "CuSO4"]


@pytest.mark.parametrize("form", TEXTS)
def test_damaged_files_are_named(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"new.{form}.gz"
    path.write_bytes(gzip.compress(TEXTS[form])[:-9])
    with pytest.raises(DataError, match=rf"new\.{form}\.gz"):
        list(formula_chunks(path))
    path = tmp_path / f"new.{form}.zip"
    path.write_bytes(zipped(TEXTS[form], "a", "b"))
    with pytest.raises(DataError, match=r"an archive of 2 files") as caught:
        list(formula_chunks(path))
    assert "source." not in str(caught.value)


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"new\.xls: the format is not known by its name"):
        list(formula_chunks(tmp_path / "new.xls"))
