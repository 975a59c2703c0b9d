"""Decisions on stability as an aligned table for the terminal."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from elemflow.cli.terminal import MISSING, aligned, column_widths, number
from elemflow.core.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

_DECIMALS = 3


@contextmanager
def stability_writer(out: Path | None) -> Iterator[Callable[["pa.Table"], None]]:
    """Yield a function that writes tables of `elemflow.inference.stable`, aligned to the first of them.

    Args:
        out: File to write; None is standard output.
    """
    widths: list[int] = []
    with ExitStack() as stack:
        stream = None
        if out:
            path = stack.enter_context(atomic_path(out))
            stream = stack.enter_context(path.open("w", encoding="utf-8"))

        def append(table: "pa.Table") -> None:
            nonlocal widths
            header = ["formula", "energy [eV/atom]", "ΔHd [eV/atom]", "P(stable)", "known ΔHd", "decomposes into"]
            header += ["flag"] if "flag" in table.column_names else []
            rows = [_cells(row, has_flag="flag" in row) for row in table.to_pylist()]
            shown = [] if widths else header
            widths = widths or column_widths(shown, rows)
            click.echo(aligned(shown, rows, widths), file=stream)

        yield append


def _cells(row: dict[str, Any], *, has_flag: bool) -> list[str]:
    values = [row["y_pred"], row["decomposition"], row["p_stable"], row["known_decomposition"]]
    cells = [row["formula"], *(number(value, _DECIMALS) for value in values), row["products"] or MISSING]
    flag = f"{row['flag']} ({row['unseen_elements']})" if has_flag and row["unseen_elements"] else row.get("flag")
    return [*cells, flag or MISSING] if has_flag else cells
