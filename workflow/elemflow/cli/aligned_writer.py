"""Aligned tables that are written in pieces, to the terminal or to a file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from elemflow.cli.terminal import aligned, column_widths
from elemflow.core.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

Show = Callable[["pa.Table"], tuple[Sequence[str], Sequence[Sequence[str]]]]
"""From a table to the names of the columns that are shown, and the cells of its rows."""


@contextmanager
def aligned_writer(out: Path | None, show: Show) -> Iterator[Callable[["pa.Table"], None]]:
    """Yield a function that writes tables, aligned to the first of them, with one line of names.

    Args:
        out: File to write; None is standard output.
        show: What is shown of a table.
    """
    widths: list[int] = []
    with ExitStack() as stack:
        stream = None
        if out:
            path = stack.enter_context(atomic_path(out))
            stream = stack.enter_context(path.open("w", encoding="utf-8"))

        def append(table: "pa.Table") -> None:
            nonlocal widths
            header, rows = show(table)
            shown = [] if widths else header
            widths = widths or column_widths(shown, rows)
            click.echo(aligned(shown, rows, widths), file=stream)

        yield append
