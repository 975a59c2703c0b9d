"""What a call of `elemflow predict` requests, and how its formulas are read, whatever predicts them."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from elemflow.inference.structure_names import structure_format

if TYPE_CHECKING:
    import pyarrow as pa

    from elemflow.inference.formulas import Batch, Chunk, Featurizer
    from elemflow.inference.further_columns import Joined

FORMATS = ("table", "csv", "tsv", "json", "jsonl", "parquet")
SUFFIXES = {
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".xlsx"),
    *(".gz", ".bz2", ".xz", ".zst", ".zip"),
}
"""Endings by which an argument is a file and not a formula."""
STANDARD_INPUT = "-"
FRACTION = re.compile(r"[0-9]/[0-9]")
"""Of a formula such as LiNi1/3Mn2/3O2, and of no path that does not exist."""
PHASES = re.compile(r"[A-Z][A-Za-z0-9.()]*(?:/[A-Z][A-Za-z0-9.()]*)+")
"""Of a composite such as LiFePO4/C, or of a path that exists."""
MOST_HINTS = 5
"""Most suspicious formulas of a file that are named."""


@dataclass
class Given:
    """What a call of the command requests.

    Attributes:
        inputs: Formulas, files, or `STANDARD_INPUT`.
        output: File to write; None is standard output.
        form: One of the `FORMATS`, or None for the one that follows from the output.
        units: Where units stand.
        column: Column of the formulas.
        amounts: What the amounts of the formulas count.
        skip: Whether rows that cannot be predicted are kept without a prediction.
        known: Whether known values are shown; None does so for formulas in a table.
        refused: Formulas that had no prediction, with reasons.
        hints: What suspicious formulas may be meant for.
        suspicious: Number of suspicious formulas.
    """

    inputs: Sequence[str]
    output: Path | None
    form: str | None
    units: str
    column: str | None
    amounts: Any
    skip: bool
    known: bool | None
    refused: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    suspicious: int = 0

    @property
    def are_formulas(self) -> bool:
        """Whether the inputs are formulas."""
        return not any(text == STANDARD_INPUT or looks_like_a_file(text) for text in self.inputs)

    @property
    def are_structures(self) -> bool:
        """Whether the inputs are files of crystal structures."""
        return all(map(structure_format, self.inputs))


def looks_like_a_file(text: str) -> bool:
    """Return whether an argument names a file and is no formula."""
    return (
        Path(text).suffix.lower() in SUFFIXES
        or ("/" in text and not FRACTION.search(text) and not PHASES.fullmatch(text))
        or structure_format(text) is not None
        or Path(text).is_file()
    )


def check_given(wanted: Given) -> None:
    """Refuse arguments that do not fit together."""
    _check_inputs(wanted)
    if wanted.output and wanted.output.resolve() in {Path(text).resolve() for text in wanted.inputs}:
        raise click.UsageError(f"{wanted.output} is an input, which the predictions would replace; name another file.")
    if wanted.output:
        wanted.output = _regular(wanted.output)
    if wanted.output and wanted.form is None:
        from elemflow.core.errors import DataError
        from elemflow.inference.output import format_of_name

        try:
            wanted.form = format_of_name(wanted.output)
        except DataError as error:
            raise click.UsageError(str(error)) from None
    if wanted.form is None:
        in_terminal = sys.stdout.isatty() or wanted.are_formulas
        wanted.form = "table" if in_terminal else "csv"
    if wanted.output is None and wanted.form == "parquet":
        raise click.UsageError("Parquet is no text for standard output; name a file (-o predicted.parquet).")
    if wanted.units == "row" and wanted.form in {"json", "jsonl", "parquet"}:
        raise click.UsageError(f"--units row has no place in {wanted.form}; choose csv, tsv, or --units name.")


def _check_inputs(wanted: Given) -> None:
    """Refuse inputs that do not fit together."""
    if not wanted.are_formulas:
        files = [text for text in wanted.inputs if text == STANDARD_INPUT or looks_like_a_file(text)]
        if len(files) < len(wanted.inputs):
            raise click.UsageError(f"give formulas or files, not both: {files[0]} is a file.")
        if (
            len(files) > 1
            and not wanted.are_structures
            and (STANDARD_INPUT in files or any(not name.endswith(".parquet") for name in files))
        ):
            raise click.UsageError("several files must all be feature files of the workflow.")


def _regular(output: Path) -> Path:
    """Return a file to write, of a link the file that it leads to: what is written takes the place of the file.

    Raises:
        click.UsageError: It is a device or a pipe, such as /dev/null, which a file would replace.
    """
    if output.exists() and not output.is_file():
        raise click.UsageError(f"{output} is a device or a pipe; leave -o out and redirect standard output to it.")
    return output.resolve() if output.is_symlink() else output


def formula_batches(featurizer: "Featurizer", wanted: Given) -> Iterator["Batch"]:
    """Yield the given formulas, or those of the given file, with their features."""
    from elemflow.cli.progress import rows
    from elemflow.inference.formula_tables import count_rows, formula_chunks
    from elemflow.inference.formulas import Chunk

    if wanted.are_formulas:
        yield from featurizer.batches([Chunk(list(wanted.inputs))], "formulas", skip=True, amounts=wanted.amounts)
    else:
        # Between lines of a table in the terminal there is no place for progress.
        shown = wanted.output is not None or not sys.stdout.isatty()
        with _input_file(wanted) as (path, name), rows(count_rows(path), shown=shown) as add:
            chunks = _named(formula_chunks(path, wanted.column), path, name)
            for batch in featurizer.batches(chunks, name, skip=wanted.skip, amounts=wanted.amounts):
                yield batch
                add(len(batch.reasons))


def _named(chunks: Iterator["Chunk"], path: Path, name: str) -> Iterator["Chunk"]:
    """Yield chunks of formulas; errors call the file by its name for the user."""
    from elemflow.core.errors import DataError

    try:
        yield from chunks
    except DataError as error:
        raise DataError(str(error).replace(str(path), name)) from None


@contextmanager
def _input_file(wanted: Given) -> Iterator[tuple[Path, str]]:
    """Yield the file to read and its name; standard input is copied into a file, whose suffix is its format."""
    import shutil

    from elemflow.inference.formula_tables import format_of_text

    if len(wanted.inputs) > 1:
        raise click.UsageError("give one table at a time: several files must all be feature files of the workflow.")
    [text] = wanted.inputs
    if text != STANDARD_INPUT:
        yield Path(text), text
        return
    stream = sys.stdin.buffer
    with TemporaryDirectory() as folder:
        start = stream.read(1 << 16)
        path = Path(folder) / f"standard input.{format_of_text(start, wanted.column)}"
        with path.open("wb") as copy:
            copy.write(start)
            shutil.copyfileobj(stream, copy)
        yield path, "standard input"


def joined_with(schema: "pa.Schema", labels: Sequence[str], first: "Sequence[Batch]") -> "Joined":
    """Return how predictions stand next to the further columns of the table; say which of these have another name.

    Args:
        schema: Schema of the predictions, with the names of the output.
        labels: Columns that name the materials; `reason` among them comes last.
        first: The first batch, if there is one.
    """
    from elemflow.inference.further_columns import Joined

    joined = Joined.of(schema, first[0].further if first else None, sum(name != "reason" for name in labels))
    if joined.note:
        click.echo(joined.note, err=True)
    return joined


def note_batch(wanted: Given, batch: "Batch") -> None:
    """Note what a batch says about mistyped formulas."""
    from elemflow.chemistry.suggestions import hint

    formulas = batch.labels.get("formula", [])
    for formula, reason in zip(formulas, batch.reasons, strict=False):
        if reason and wanted.are_formulas:
            wanted.refused.append(f"{formula or repr(formula)}: {reason}")
        elif formula and not reason and (line := hint(formula)):
            wanted.suspicious += 1
            if len(wanted.hints) < MOST_HINTS:
                wanted.hints.append(line)


def report(wanted: Given) -> None:
    """Say on standard error what is wrong with formulas, and end with exit code 1 if some had no prediction."""
    for line in (*wanted.refused, *wanted.hints):
        click.echo(line, err=True)
    if wanted.suspicious > len(wanted.hints):
        click.echo(f"… and {wanted.suspicious - len(wanted.hints)} more formulas that look mistyped", err=True)
    if wanted.refused and not wanted.skip:
        raise click.exceptions.Exit(1)
