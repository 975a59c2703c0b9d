"""`elemflow predict`: formulas, tables of them or feature files, with a trained run."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from elemflow.cli.noise import without_noise
from elemflow.cli.options import complete_run, results_option
from elemflow.inference.structure_names import structure_format

if TYPE_CHECKING:
    import pyarrow as pa

    from elemflow.inference.formulas import Batch
    from elemflow.inference.predictor import Predictor

FORMATS = ("table", "csv", "tsv", "json", "jsonl", "parquet")
SUFFIXES = {
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".xlsx"),
    *(".gz", ".bz2", ".xz", ".zst", ".zip"),
}
"""Endings by which an argument is a file and not a formula."""
STANDARD_INPUT = "-"
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


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FORMULA... | FILE | -")
@click.option("--run", shell_complete=complete_run, help="Trained run: its folder, or a part of its id.")
@click.option("--model", type=click.Path(dir_okay=False, path_type=Path), help="Exported file, in place of a run.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the name of the file to write.")
@click.option(
    "--units",
    type=click.Choice(["none", "name", "row"]),
    default="none",
    show_default=True,
    help="Units in the names of the columns, in a row below them, or not at all.",
)
@click.option("--column", help="Column of the formulas. Default: formula, or else composition.")
@click.option(
    "--amounts",
    type=click.Choice(["atomic", "weight"]),
    default="atomic",
    show_default=True,
    help="What the amounts of the formulas count.",
)
@click.option("--skip", is_flag=True, help="Keep what cannot be predicted, with the reason.")
@click.option("--combine", type=click.Choice(["mean", "median"]), help="Default: as the run was evaluated, or mean.")
@click.option("--level", type=click.IntRange(1, 99), metavar="PER_CENT", help="Level of the intervals. Default: 90.")
@click.option("--applicability/--no-applicability", default=None, help="How far formulas are from the training set.")
@click.option("--known/--no-known", default=None, help="Values that the run's dataset has for these compositions.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of a network.")
@click.option(
    "--network-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Python file of a foreign run's own network, whose code you trust.",
)
@results_option
def predict(
    *,
    run: str | None,
    model: Path | None,
    network_file: Path | None,
    combine: Any,
    level: int | None,
    applicability: bool | None,
    threads: int,
    results: Path,
    **given: Any,
) -> None:
    """Predict a property of formulas with a trained run.

    \b
    elemflow predict Fe2O3 NaCl "Ba(Zr0.2Ti0.8)O3"
    elemflow predict new.csv -o predicted.csv --run kefe
    elemflow predict new.csv -o predicted.csv --model enthalpies.elemflow
    elemflow predict relaxed/*.cif --run "jarvis st"
    cut -f 2 formulas.tsv | elemflow predict - --format jsonl > predicted.jsonl

    FILE is a table (csv, tsv, json, jsonl, parquet, xlsx, also compressed) with a column of formulas, a txt file with
    one formula per line, structures (cif, POSCAR, extxyz), or the feature files of the run's representation. Each
    prediction has the spread of the networks, an interval and a flag (inside, far or unseen) where the run has them.
    """
    wanted = Given(**given)
    _check(wanted)
    from elemflow.inference.predictor import Predictor
    from elemflow.inference.run_folders import find_run
    from elemflow.training.backend import Backend

    if run and model:
        raise click.UsageError("give --run or --model, not both.")
    features = _are_features(wanted)
    if features and applicability:
        raise click.UsageError("--applicability looks at the elements of formulas; give a table of them.")
    with without_noise():
        predictor = Predictor(
            model or find_run(run, results),
            network_file=network_file,
            backend=Backend(threads),
            combine=combine,
            level=level,
            applicability=False if features else applicability,
        )
    for note in predictor.notes:
        click.echo(note, err=True)
    _write(predictor, wanted, features=features)
    _report(wanted)


def looks_like_a_file(text: str) -> bool:
    """Return whether an argument names a file and is no formula."""
    return (
        Path(text).suffix.lower() in SUFFIXES
        or "/" in text
        or structure_format(text) is not None
        or Path(text).is_file()
    )


def _check(wanted: Given) -> None:
    """Refuse arguments that do not fit together."""
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
    if wanted.output and wanted.output.resolve() in {Path(text).resolve() for text in wanted.inputs}:
        raise click.UsageError(f"{wanted.output} is an input, which the predictions would replace; name another file.")
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


def _are_features(wanted: Given) -> bool:
    """Return whether all inputs are feature files of the workflow."""
    if wanted.are_formulas or not all(text.endswith(".parquet") and Path(text).is_file() for text in wanted.inputs):
        return False
    from elemflow.core.files import read_metadata

    found = ["part" in read_metadata(text) for text in wanted.inputs]
    if len(found) > 1 and not all(found):
        raise click.UsageError("several files must all be feature files of the workflow.")
    return all(found)


def _write(predictor: "Predictor", wanted: Given, *, features: bool) -> None:
    """Write the predictions, chunk by chunk."""
    from elemflow.cli.prediction_table import table_writer
    from elemflow.inference.output import labelled, open_writer

    labels = ["material_id"] if features else ["formula", "composition"]
    labels = ["file", *labels] if wanted.are_structures else labels
    labels += ["reason"] if wanted.skip or (wanted.are_formulas and not features) else []
    schema = predictor.schema(labels)
    known = _Known(predictor, wanted, features=features)
    named = labelled(known.added_to(schema), wanted.units)  # type: ignore[arg-type]
    writer: AbstractContextManager[Callable[[pa.Table], None]]
    if wanted.form == "table":
        writer = table_writer(wanted.output, predictor)
    else:
        writer = open_writer(wanted.output, str(wanted.form), named, wanted.units)  # type: ignore[arg-type]
    with writer as append:
        for batch in _batches(predictor, wanted, features=features):
            _note(wanted, batch)
            table = known.join(predictor.table(batch, schema), batch)
            append(table if wanted.form == "table" else table.rename_columns(named.names).cast(named))


class _Known:
    """Columns `known` and `set`: the value that the run's dataset has for a composition."""

    def __init__(self, predictor: "Predictor", wanted: Given, *, features: bool):
        from elemflow.inference.known_values import known_values

        default = wanted.are_formulas and wanted.form == "table"
        show = (default if wanted.known is None else wanted.known) and not features
        self._values = known_values(predictor.run) if show else {}
        self._show, self._unit = bool(self._values) or bool(wanted.known and not features), predictor.unit

    def added_to(self, schema: "pa.Schema") -> "pa.Schema":
        """Return a schema with these columns, if they are shown."""
        import pyarrow as pa

        if not self._show:
            return schema
        known = pa.field("known", pa.float64(), metadata={"unit": self._unit})
        return schema.append(known).append(pa.field("set", pa.string()))

    def join(self, table: "pa.Table", batch: "Batch") -> "pa.Table":
        """Return a table with these columns, if they are shown."""
        import pyarrow as pa

        if not self._show:
            return table
        found = [self._values.get(str(composition), (None, None)) for composition in batch.labels["composition"]]
        values = pa.array([value for value, _ in found], pa.float64(), from_pandas=True)
        return table.append_column("known", values).append_column("set", pa.array([s for _, s in found], pa.string()))


def _batches(predictor: "Predictor", wanted: Given, *, features: bool) -> Iterator["Batch"]:
    from elemflow.inference.formula_tables import formula_chunks
    from elemflow.inference.predictor import batches_of_features
    from elemflow.inference.structure_files import batches_of_structures

    if features:
        yield from batches_of_features(predictor, wanted.inputs)
    elif wanted.are_structures:
        yield from batches_of_structures(predictor, wanted.inputs, skip=wanted.skip)
    elif wanted.are_formulas:
        yield from predictor.featurizer.batches([list(wanted.inputs)], "formulas", skip=True, amounts=wanted.amounts)
    else:
        with _input_file(wanted) as (path, name):
            chunks = formula_chunks(path, wanted.column)
            yield from predictor.featurizer.batches(chunks, name, skip=wanted.skip, amounts=wanted.amounts)


@contextmanager
def _input_file(wanted: Given) -> Iterator[tuple[Path, str]]:
    """Yield the file to read and its name; standard input is copied into a file, whose suffix is its format."""
    import shutil

    from elemflow.inference.formula_tables import format_of_text

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


def _note(wanted: Given, batch: "Batch") -> None:
    """Note what a batch says about mistyped formulas."""
    from elemflow.chemistry.suggestions import suspicious

    formulas = batch.labels.get("formula", [])
    for formula, reason in zip(formulas, batch.reasons, strict=False):
        if reason and wanted.are_formulas:
            wanted.refused.append(f"{formula}: {reason}")
        elif formula and not reason and (meant := suspicious(formula)):
            wanted.suspicious += 1
            if len(wanted.hints) < MOST_HINTS:
                wanted.hints.append(f"{formula}: did you mean {meant}?")


def _report(wanted: Given) -> None:
    """Say on standard error what is wrong with formulas, and end with exit code 1 if some had no prediction."""
    for line in (*wanted.refused, *wanted.hints):
        click.echo(line, err=True)
    if wanted.suspicious > len(wanted.hints):
        click.echo(f"… and {wanted.suspicious - len(wanted.hints)} more formulas with such a zero", err=True)
    if wanted.refused and not wanted.skip:
        raise click.exceptions.Exit(1)
