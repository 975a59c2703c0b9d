"""Files that are whole or absent: temporary names, hashes, byte-stable JSON, and Parquet with checksums."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

JsonObject = dict[str, Any]
"""A JSON object that is written to a file, or was read from one and not checked."""

PARQUET_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "row_group_size": 65536,  # small enough to stream, large enough to compress
    "version": "2.6",
    "store_schema": True,
    "write_page_checksum": True,
}


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to `path` that becomes `path` only if the block succeeds.

    The bytes are flushed to disk before the rename, so that a crash or a full disk leaves either
    the old file or none, never half of a new one.

    Args:
        path: Final name; parent folders are made.

    Yields:
        A path in the same folder, with the same suffix, to write to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=f".part{path.suffix}", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 with Unix line ends, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys; NaN and infinity are errors."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_parquet(path: str | Path, table: "pa.Table", metadata: Mapping[str, Any] | None = None) -> None:
    """Write an Arrow table as Parquet; equal tables give equal bytes.

    Args:
        path: Final name.
        table: The rows; pandas metadata is dropped, field metadata stays.
        metadata: Values stored as JSON under the schema key `elemflow`.
    """
    extra = {b"elemflow": json.dumps(dict(metadata), sort_keys=True).encode()} if metadata else None
    table = table.replace_schema_metadata(extra)
    with _parquet_writer(path, table.schema) as writer:
        writer.write_table(table, PARQUET_OPTIONS["row_group_size"])


@contextmanager
def _parquet_writer(path: str | Path, schema: "pa.Schema") -> Iterator["ParquetWriter"]:
    """Yield a writer of a file with checksums of pages and footer, which gets its name when the block succeeds."""
    import pyarrow.parquet as pq  # noqa: PLC0415  a parse of the workflow needs no Parquet

    from elemflow.core import parquet  # noqa: PLC0415

    options = {key: value for key, value in PARQUET_OPTIONS.items() if key != "row_group_size"}
    with atomic_path(path) as temporary:
        with pq.ParquetWriter(temporary, schema, **options) as writer:
            yield writer
            writer.add_key_value_metadata({parquet.FOOTER_CHECKSUM: parquet.UNSEALED})
        parquet.seal(temporary)


@contextmanager
def parquet_stream(path: str | Path, schema: "pa.Schema") -> Iterator[Callable[["pa.Table"], None]]:
    """Yield a function that appends tables to a Parquet file, which gets its name when the block succeeds.

    Row groups are always full, so the bytes depend on the rows alone and not on how many tables they came in; they are
    those of `write_parquet`. At most one row group and one appended table are in memory.

    Args:
        path: Final name.
        schema: Schema of the file and of every table.
    """
    import pyarrow as pa  # noqa: PLC0415  a parse of the workflow needs no Parquet

    size: int = PARQUET_OPTIONS["row_group_size"]
    waiting = schema.empty_table()
    written = 0

    with _parquet_writer(path, schema) as writer:

        def append(table: "pa.Table") -> None:
            nonlocal waiting, written
            waiting = pa.concat_tables([waiting, table])
            while len(waiting) >= size:
                # In one piece: where arrays are joined, the writer would begin another page.
                writer.write_table(waiting.slice(0, size).combine_chunks())
                waiting = waiting.slice(size)
                written += size

        yield append
        if len(waiting) or not written:
            writer.write_table(waiting.combine_chunks())


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Read what `write_parquet` stored as metadata; empty if nothing was."""
    from elemflow.core.parquet import read_schema  # noqa: PLC0415  a parse of the workflow needs no Parquet

    stored = (read_schema(path).metadata or {}).get(b"elemflow")
    return json.loads(stored) if stored else {}


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits, in constant memory."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """Return 16 hexadecimal digits that identify a JSON-like value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
