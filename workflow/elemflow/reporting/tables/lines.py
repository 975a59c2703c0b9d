"""Lines of the csv of a table: a dataclass per kind of table, whose fields are the columns."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar, get_args, get_type_hints

import pandas as pd
import pyarrow as pa

from elemflow.core.files import write_parquet
from elemflow.core.spreadsheet import guard_frame, unguard_frame

FLOAT_FORMAT = "%.8g"
"""How a csv writes numbers."""

DTYPES = {str: "string", int: "Int64", float: "float64"}
"""Type of a column in pandas, by the type of its field."""


@dataclass(frozen=True, kw_only=True)
class TableLine:
    """A line of a csv; what is None is an empty field."""


Line = TypeVar("Line", bound=TableLine)


@dataclass(frozen=True, kw_only=True)
class RunLine(TableLine):
    """The first columns of a table of runs.

    Attributes:
        study: Id of the study.
        table: Id of the table.
        row: Label of the row.
        column: Label of the column.
        model: Id of the model.
        dataset: Id of the dataset.
        property: Id of the property.
        representation: Parts of the representation.
        protocol: Id of the protocol.
    """

    study: str
    table: str
    row: str
    column: str
    model: str
    dataset: str
    property: str
    representation: str
    protocol: str


def column_types(line: type[TableLine]) -> dict[Hashable, str]:
    """Return the columns of a kind of line and their types in pandas."""
    hints: dict[str, object] = get_type_hints(line)
    return {field.name: _dtype(hints[field.name]) for field in fields(line)}


def _dtype(hint: object) -> str:
    return next(DTYPES[option] for option in (hint, *get_args(hint)) if option in DTYPES)


def to_frame(lines: Iterable[TableLine], line: type[TableLine]) -> pd.DataFrame:
    """Return one row per line; what is None is missing."""
    names = [field.name for field in fields(line)]
    rows = [[getattr(each, name) for name in names] for each in lines]
    return pd.DataFrame(rows, columns=names, dtype=object).astype(column_types(line))


def from_frame(frame: pd.DataFrame, line: type[Line]) -> list[Line]:
    """Return the rows of a frame as lines; what is missing is None."""
    records = frame.to_dict("records")
    return [line(**{str(name): None if pd.isna(v) else v for name, v in record.items()}) for record in records]


def as_in_csv(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with numbers as its csv has them, so that what is made from the csv shows the same digits."""
    numbers = frame.select_dtypes("float64")
    return frame.assign(**{str(name): [float(FLOAT_FORMAT % value) for value in numbers[name]] for name in numbers})


def to_csv(frame: pd.DataFrame) -> str:
    """Return a frame as csv; texts that a spreadsheet program would compute are guarded."""
    return guard_frame(frame).to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")


def to_parquet(path: str | Path, frame: pd.DataFrame, line: type[TableLine]) -> None:
    """Write a frame as Parquet with the types of its lines; equal frames give equal bytes."""
    names = {"string": pa.string(), "Int64": pa.int64(), "float64": pa.float64()}
    schema = pa.schema([pa.field(str(name), names[kind]) for name, kind in column_types(line).items()])
    write_parquet(path, pa.Table.from_pandas(frame.astype(column_types(line)), schema, preserve_index=False))


def read_csv(path: object, line: type[Line]) -> pd.DataFrame:
    """Read a csv that `to_csv` wrote."""
    types = column_types(line)
    frame: pd.DataFrame = pd.read_csv(  # type: ignore[call-overload]
        path, dtype=types, keep_default_na=False, na_values=[""], float_precision="round_trip"
    )
    return unguard_frame(frame)
