"""Rows of a JSON document, one at a time: a file with crystal structures is far larger in memory than on disk."""

import json
from collections.abc import Iterator
from typing import Any, TextIO, cast

_BLOCK = 1 << 20


def iter_rows(stream: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the rows of a list of records, or of a table in the `split` layout of pandas.

    The layouts are `[{"formula": "NaCl", ...}, ...]` and
    `{"columns": ["formula", ...], "index": [0, ...], "data": [["NaCl", ...], ...]}`, where `columns` comes before
    `data`; the second is that of the matminer datasets.

    Args:
        stream: An open text file.

    Yields:
        Value by column name.

    Raises:
        ValueError: The text is not JSON, ends too early, or has another layout.
    """
    scanner = _Scanner(stream)
    if scanner.peek() == "[":
        yield from (_record(row, None) for row in scanner.items())
        if not scanner.at_end():
            raise ValueError("there is more text behind the list of records")
        return
    scanner.take("{")
    columns: list[str] | None = None
    while scanner.peek() != "}":
        key = scanner.value()
        scanner.take(":")
        if key == "data" and scanner.peek() == "[":
            yield from (_record(row, columns) for row in scanner.items())
            return
        value = scanner.value()
        columns = _names(value) if key == "columns" else columns
        if scanner.peek() != "}":
            scanner.take(",")
    scanner.take("}")
    lines = "" if scanner.at_end() else "; as one record per line, the format is jsonl"
    raise ValueError(f"there is neither a list of records nor a table in the 'split' layout of pandas{lines}")


def iter_lines(stream: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of JSON lines, one record per line; empty lines are skipped.

    Raises:
        ValueError: A line is not JSON, or no record; names the line, counted from 1.
    """
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            yield _record(json.loads(line), None)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} is not JSON: {error}") from None
        except ValueError:
            raise ValueError(f"line {number} is not a record") from None


def _names(columns: Any) -> list[str]:
    """Return the names of columns; raise if two are equal, of which one would be lost."""
    twice = next((name for name in columns if columns.count(name) > 1), None) if isinstance(columns, list) else None
    if twice is not None:
        raise ValueError(f"it has more than one column {twice!r}; rename or remove all but one")
    return cast("list[str]", columns)


def _record(row: Any, columns: list[str] | None) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    if columns is None or not isinstance(row, list):
        raise ValueError("a row is neither a record nor a list that follows 'columns'")
    return dict(zip(columns, row, strict=True))


class _Scanner:
    """A JSON text that is read block by block; only the value at hand is in memory."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._position = 0

    def _read_on(self) -> bool:
        """Append the next block, at least doubling the rest, so that a long value is tried a few times only."""
        rest = self._text[self._position :]
        block = self._stream.read(max(_BLOCK, len(rest)))
        if block:
            self._text, self._position = rest + block, 0
        return bool(block)

    def peek(self) -> str:
        """Return the next character that is not white space."""
        while True:
            while self._position < len(self._text) and self._text[self._position].isspace():
                self._position += 1
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read_on():
                raise ValueError("the text ends too early")

    def at_end(self) -> bool:
        """Return whether nothing but white space is left."""
        while not self._text[self._position :].strip():
            if not self._read_on():
                return True
        return False

    def take(self, character: str) -> None:
        """Step over the next character, which must be the given one."""
        if self.peek() != character:
            raise ValueError(f"{character!r} expected, {self.peek()!r} found")
        self._position += 1

    def value(self) -> Any:
        """Decode the next value."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except json.JSONDecodeError:
                if not self._read_on():
                    raise
                continue
            # A number at the end of the block may go on in the next one.
            if end == len(self._text) and self._read_on():
                continue
            self._position = end
            return value

    def items(self) -> Iterator[Any]:
        """Yield the items of a list."""
        self.take("[")
        while self.peek() != "]":
            yield self.value()
            if self.peek() != "]":
                self.take(",")
        self.take("]")
