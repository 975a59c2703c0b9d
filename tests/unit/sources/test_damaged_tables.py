"""Whatever is wrong with a table, it is curated or refused with a message, never with an error of a library."""

import bz2
import gzip
import io
import lzma
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from factories.curation import energy, run
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.core.errors import ElemflowError

CSV = b"formula,e,id\nFe2O3,-1.5,a\nNaN,2,b\nTi-6Al-4V,3,c\nCaTiO3,,d\n"
FRAME = pd.DataFrame({"formula": ["Fe2O3", "NaN"], "e": [1.5, None], "id": ["a", "b"]})


def parquet() -> bytes:
    target = io.BytesIO()
    FRAME.to_parquet(target)
    return target.getvalue()


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", CSV)
    return target.getvalue()


FILES = {
    "t.csv": CSV,
    "t.json": FRAME.to_json(orient="records").encode(),
    "t.jsonl": FRAME.to_json(orient="records", lines=True).encode(),
    "t.parquet": parquet(),
    "t.csv.gz": gzip.compress(CSV, mtime=0),
    "t.csv.bz2": bz2.compress(CSV),
    "t.csv.xz": lzma.compress(CSV),
    "t.csv.zst": pa.compress(CSV, codec="zstd", asbytes=True),
    "t.csv.zip": zipped(),
}
INSERTED = [
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
damages = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), st.sampled_from(INSERTED)), max_size=3)
keys = st.fixed_dictionaries(
    {},
    optional={
        "separator": st.sampled_from([";", "whitespace"]),
        "decimal": st.just(","),
        "member": st.sampled_from(["t.csv", "x"]),
        "format": st.sampled_from(["csv", "json", "jsonl", "parquet"]),
        "names": st.sampled_from([["formula", "e", "id"], ["formula", "e"]]),
    },
)
columns = st.sampled_from(
    [{"formula": "formula"}, {"formula": "formula", "amounts": "weight"}, {"elements": {"Fe": "e"}, "balance": "Ni"}]
)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=12, deadline=None)
@given(damages=damages, keys=keys, columns=columns)
def test_any_damage_has_a_message(
    tmp_path_factory: pytest.TempPathFactory, name: str, damages: list[Any], keys: dict[str, Any], columns: Any
) -> None:
    content = FILES[name]
    for place, removed, inserted in damages:
        start = int(place * len(content))
        content = content[:start] + inserted + content[start + removed :]
    folder: Path = tmp_path_factory.mktemp("table")
    source = {"kind": "table", "path": str(folder / name), **keys}
    properties = {"energy": energy(parse="lenient")}
    with suppress(ElemflowError):
        run(folder, content, name, source=source, columns=columns, properties=properties, keep={"rule": "first"})
