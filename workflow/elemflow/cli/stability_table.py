"""Decisions on stability as an aligned table for the terminal."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elemflow.cli.aligned_writer import aligned_writer
from elemflow.cli.terminal import MISSING, number

if TYPE_CHECKING:
    import pyarrow as pa

_DECIMALS = 3


def stability_writer(out: Path | None) -> AbstractContextManager[Callable[["pa.Table"], None]]:
    """Return a writer of tables of `elemflow.inference.stable`; see `aligned_writer`.

    Args:
        out: File to write; None is standard output.
    """
    return aligned_writer(out, _show)


def _show(table: "pa.Table") -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns and the cells of the rows."""
    header = ["formula", "energy [eV/atom]", "ΔHd [eV/atom]", "P(stable)", "known ΔHd", "decomposes into"]
    header += ["flag"] if "flag" in table.column_names else []
    return header, [_cells(row, has_flag="flag" in row) for row in table.to_pylist()]


def _cells(row: dict[str, Any], *, has_flag: bool) -> list[str]:
    values = [row["y_pred"], row["decomposition"], row["p_stable"], row["known_decomposition"]]
    cells = [row["formula"], *(number(value, _DECIMALS) for value in values), row["products"] or MISSING]
    flag = f"{row['flag']} ({row['unseen_elements']})" if has_flag and row["unseen_elements"] else row.get("flag")
    return [*cells, flag or MISSING] if has_flag else cells
