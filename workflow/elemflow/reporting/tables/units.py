"""Where a table says the units of its values: once in the caption, or in the labels of its rows or columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

NO_UNIT = ("", "1")


@dataclass(frozen=True)
class Units:
    """Labels of a table with the units that they need, and the unit for its caption.

    Attributes:
        rows: Labels of the rows.
        columns: Labels of the columns.
        shared: Unit that the caption says; empty if the labels say it, or there is none.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shared: str = ""

    @classmethod
    def place(cls, rows: Sequence[str], columns: Sequence[str], units: Mapping[tuple[int, int], str]) -> Self:
        """Return where a table says its units, each once.

        One that all values share is for the caption. Otherwise each row has its own in its label, or each column where
        units differ within rows. A label that ends with its unit in brackets stays as it is, and as soon as one does,
        the others get theirs too.

        Args:
            rows: Labels of the rows.
            columns: Labels of the columns.
            units: Unit of each value, by the numbers of its row and column.
        """
        of_rows = [_units_of(units, 0, number) for number in range(len(rows))]
        of_columns = [_units_of(units, 1, number) for number in range(len(columns))]
        said = [any(map(says_unit, labels, found)) for labels, found in ((rows, of_rows), (columns, of_columns))]
        named = [unit for unit in dict.fromkeys(units.values()) if unit not in NO_UNIT]
        if len(set(units.values())) <= 1 and not any(said):
            return cls(tuple(rows), tuple(columns), *named)
        if not said[0] and (said[1] or (_differ(of_rows) and not _differ(of_columns))):
            return cls(tuple(rows), tuple(map(with_unit, columns, of_columns)))
        return cls(tuple(map(with_unit, rows, of_rows)), tuple(columns))


def with_unit(label: str, unit: str) -> str:
    """Return a label that ends with a unit in brackets; one that does already, or needs none, stays as it is."""
    return label if unit in NO_UNIT or says_unit(label, unit) else f"{label} ({unit})"


def says_unit(label: str, unit: str) -> bool:
    """Return whether a label ends with a unit in round or square brackets."""
    return unit not in NO_UNIT and label.rstrip().endswith((f"({unit})", f"[{unit}]"))


def _units_of(units: Mapping[tuple[int, int], str], axis: int, number: int) -> str:
    """Return the units of a row (axis 0) or a column (axis 1), in the order of its values."""
    found = dict.fromkeys(unit for place, unit in sorted(units.items()) if place[axis] == number)
    return ", ".join(unit for unit in found if unit not in NO_UNIT)


def _differ(found: Sequence[str]) -> bool:
    """Return whether a row or a column has several units."""
    return any(", " in units for units in found)
