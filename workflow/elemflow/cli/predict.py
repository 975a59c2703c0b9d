"""`elemflow predict`: formulas, tables of them or feature files, with a trained run."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from elemflow.cli.noise import without_noise
from elemflow.cli.options import complete_run, results_option
from elemflow.cli.predict_given import FORMATS, Given, check_given, formula_batches, joined_with, note_batch, report

if TYPE_CHECKING:
    import pyarrow as pa

    from elemflow.inference.formulas import Batch
    from elemflow.inference.predictor import Predictor


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
@click.option("--known/--no-known", default=None, help="Values that the base's sources or the run's dataset have.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of a network.")
@click.option(
    "--property", "properties", multiple=True, help="Property of a base, or group such as band_gap. Default: all."
)
@click.option(
    "--network-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Python file of a foreign run's own network, whose code you trust.",
)
@results_option
@click.pass_context
def predict(
    ctx: click.Context,
    *,
    run: str | None,
    model: Path | None,
    network_file: Path | None,
    combine: Any,
    level: int | None,
    applicability: bool | None,
    threads: int,
    properties: tuple[str, ...],
    results: Path,
    **given: Any,
) -> None:
    """Predict properties of formulas, with the base that ships, a trained run or an exported file.

    \b
    elemflow predict Li2FeSiO4
    elemflow predict new.csv -o gaps.csv --property band_gap
    elemflow predict Fe2O3 NaCl "Ba(Zr0.2Ti0.8)O3" --run "kefe brnet"
    elemflow predict new.csv -o predicted.csv --run kefe
    elemflow predict new.csv -o predicted.csv --model enthalpies.elemflow
    elemflow predict relaxed/*.cif --run "jarvis st"
    cut -f 2 formulas.tsv | elemflow predict - --format jsonl > predicted.jsonl

    FILE is a table (csv, tsv, json, jsonl, parquet, xlsx, also compressed) with a column of formulas, a txt file with
    one formula per line, structures (cif, POSCAR, extxyz), or the feature files of the run's representation. Each
    prediction has the spread of the networks, an interval and a flag (inside, far or unseen) where the run has them.
    """
    wanted = Given(**given)
    check_given(wanted)
    if run and model:
        raise click.UsageError("give --run or --model, not both.")
    if _is_base(ctx, run, model, properties):
        from elemflow.cli.predict_base import predict_with_base

        with_run_only = ("combine", "applicability", "threads", "network_file")
        _refuse(ctx, with_run_only, "is for a trained run; the base has no such choice.")
        predict_with_base(wanted, model, properties, level)
        return
    if properties:
        raise click.UsageError("--property chooses among those of a base; a trained run has one.")
    from elemflow.inference.predictor import Predictor
    from elemflow.inference.run_folders import find_run
    from elemflow.training.backend import Backend

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
    report(wanted)


def _is_base(ctx: click.Context, run: str | None, model: Path | None, properties: tuple[str, ...]) -> bool:
    """Return whether a base predicts: none is named and no folder of results either, or the file is one."""
    if run:
        return False
    if model:
        from elemflow.core.archive import read_members
        from elemflow.multitask.file import KIND

        return bool(read_members(model)[0].get("kind") == KIND)
    from elemflow.base.predictor import SHIPPED
    from elemflow.core.places import find

    named = ctx.get_parameter_source("results") != click.core.ParameterSource.DEFAULT
    return bool(properties) or (not named and find(SHIPPED).is_file())


def _refuse(ctx: click.Context, names: tuple[str, ...], reason: str) -> None:
    """Refuse options that were given.

    Raises:
        click.UsageError: One was.
    """
    for name in names:
        if ctx.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} {reason}")


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
    batches = (batch for batch in _batches(predictor, wanted, features=features) if batch.reasons)
    first = list(islice(batches, 1))  # an input that cannot be read leaves no header behind
    writer: AbstractContextManager[Callable[[pa.Table], None]]
    joined = None
    if wanted.form == "table":
        writer = table_writer(wanted.output, predictor)
    else:
        joined = joined_with(named, labels, first)
        writer = open_writer(wanted.output, str(wanted.form), joined.schema, wanted.units)  # type: ignore[arg-type]
    with writer as append:
        for batch in chain(first, batches):
            note_batch(wanted, batch)
            table = known.join(predictor.table(batch, schema), batch)
            append(joined.table(table, batch.further) if joined else table)


class _Known:
    """Columns `known` and `set`: the value that the run's dataset has for a composition."""

    def __init__(self, predictor: "Predictor", wanted: Given, *, features: bool):
        from elemflow.inference.known_values import known_values

        default = wanted.are_formulas and wanted.form == "table"
        show = (default if wanted.known is None else wanted.known) and not features
        self._values = known_values(predictor.run) if show else {}
        if wanted.known and not self._values:
            reason = "feature files name no compositions" if features else f"{predictor.run} holds no known values"
            raise click.UsageError(f"{reason}; leave --known out.")
        self._show, self._unit = bool(self._values), predictor.unit

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
    from elemflow.inference.predictor import batches_of_features
    from elemflow.inference.structure_files import batches_of_structures

    if features:
        yield from batches_of_features(predictor, wanted.inputs)
    elif wanted.are_structures:
        yield from batches_of_structures(predictor, wanted.inputs, skip=wanted.skip)
    else:
        yield from formula_batches(predictor.featurizer, wanted)
