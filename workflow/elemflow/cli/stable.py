"""`elemflow stable`: which of some compounds are stable against the known phases."""

from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from elemflow.cli.noise import without_noise
from elemflow.cli.options import complete_run, results_option
from elemflow.cli.predict_given import FORMATS, Given, check_given, formula_batches, joined_with, note_batch, report

if TYPE_CHECKING:
    import pyarrow as pa

    from elemflow.inference.stable import Energies, Stability

BASE = "base"
"""What `--model` calls the base that ships."""


@click.command()
@click.argument("inputs", nargs=-1, metavar="FORMULA... | FILE | -")
@click.option(
    "--run", shell_complete=complete_run, help="Run that predicts formation energies: folder or part of its id."
)
@click.option(
    "--model",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Exported file or base in place of a run; `base` is the one that ships.",
)
@click.option("--property", "property_id", help="Formation energy among the properties of a base.")
@click.option(
    "--hull",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of the known phases. Default: results/hulls/, of the run's dataset.",
)
@click.option("--system", metavar="LI-MN-O", help="Decide all charge-neutral formulas of these elements.")
@click.option(
    "--most-atoms",
    type=click.IntRange(2, 40),
    default=16,
    show_default=True,
    help="Most atoms of a formula unit of --system.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the name of the file to write.")
@click.option("--column", help="Column of the formulas. Default: formula, or else composition.")
@click.option("--skip", is_flag=True, help="Keep what cannot be predicted, with the reason.")
@click.option("--applicability/--no-applicability", default=None, help="How far formulas are from the training set.")
@click.option(
    "--figure",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Phase diagram of the elements of the formulas, two to four, as .png or .svg.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of a network.")
@results_option
def stable(
    *,
    run: str | None,
    model: Path | None,
    property_id: str | None,
    hull: Path | None,
    system: str | None,
    most_atoms: int,
    applicability: bool | None,
    figure: Path | None,
    threads: int,
    results: Path,
    **given: Any,
) -> None:
    """Decide which compounds are stable, by predicted formation energies and the hull of known phases.

    \b
    elemflow stable Li2MnO3 LiMnO2 --run critexam
    elemflow stable candidates.csv -o decided.csv --skip
    elemflow stable Li2MnO3 Li4Mn5O12 --figure Li-Mn-O.png
    elemflow stable --system Li-Mn-Ni-O -o candidates.csv
    elemflow stable Li2MnO3 --model base --hull results/hulls/critexam_ef/formation_energy.parquet

    Each compound has its energy, its decomposition enthalpy (eV/atom; 0 and below is stable), P(stable), the products
    of the decomposition of one formula unit, the known phases of the same elements, and the value of the compound
    itself where it is known. P(stable) is that of the second stage where the run has one, which also estimates the
    decomposition enthalpy with an interval of 90 %. FILE is as for `elemflow predict`, streamed.
    """
    if bool(system) == bool(given["inputs"]):
        raise click.UsageError("give formulas, a file, or --system.")
    if system:
        from elemflow.chemistry.oxidation_states import neutral_formulas

        given["inputs"] = tuple(neutral_formulas(system.split("-"), most_atoms))
        if not given["inputs"]:
            raise click.UsageError(f"no charge-neutral formula of {system} has {most_atoms} atoms or fewer.")
    wanted = Given(units="none", amounts="atomic", known=None, **given)
    check_given(wanted)
    from elemflow.inference.stable import Stability

    if run and model:
        raise click.UsageError("give --run or --model, not both.")
    if figure and not wanted.are_formulas:
        raise click.UsageError("--figure draws the system of formulas, not of a file.")
    base = _base(model)
    if property_id and not base:
        raise click.UsageError("--property chooses among those of a base; a trained run has one.")
    with without_noise():
        predictor = (
            _of_base(model, property_id) if base else _of_run(run, model, results, threads, applicability=applicability)
        )
        decider = Stability.of(predictor, hull)
    for note in decider.notes:
        click.echo(note, err=True)
    if base and wanted.are_formulas:
        _compare(decider, wanted)
    tables = _write(decider, wanted, keep=figure is not None)
    if figure:
        from elemflow.reporting.figures.phase_diagram import write_phase_diagram

        write_phase_diagram(figure, decider.hull.phases, tables)
    report(wanted)


def _base(model: Path | None) -> bool:
    """Return whether a file is a base."""
    if model is None:
        return False
    if model.name == BASE and not model.exists():
        return True
    from elemflow.core.archive import read_members
    from elemflow.multitask.file import KIND

    return bool(read_members(model)[0].get("kind") == KIND)


def _of_base(model: Path | None, property_id: str | None) -> "Energies":
    from elemflow.base.energies import BaseEnergies

    return BaseEnergies(None if model and not model.exists() else model, property_id)


def _of_run(
    run: str | None, model: Path | None, results: Path, threads: int, *, applicability: bool | None
) -> "Energies":
    from elemflow.inference.predictor import Predictor
    from elemflow.inference.run_folders import find_run
    from elemflow.training.backend import Backend

    return Predictor(model or find_run(run, results), backend=Backend(threads), applicability=applicability)


def _compare(decider: "Stability", wanted: Given) -> None:
    """Say how the energies of a base differ from those of the hull, for the elements of the formulas."""
    from elemflow.base.energies import BaseEnergies, Difference
    from elemflow.chemistry.composition import amounts

    predictor = decider.predictor
    assert isinstance(predictor, BaseEnergies)  # noqa: S101  for mypy
    batch = predictor.featurizer.batch(list(wanted.inputs))
    elements = {element for row in batch.predicted_rows for element in amounts(str(batch.labels["composition"][row]))}
    found = Difference.of(predictor, decider.hull.phases, sorted(elements)) if elements else None
    if found:
        click.echo(found.describe(), err=True)


def _write(decider: "Stability", wanted: Given, *, keep: bool) -> "list[pa.Table]":
    """Write what is decided, chunk by chunk; return the tables if they are kept."""
    from elemflow.cli.stability_table import stability_writer
    from elemflow.inference.output import labelled, open_writer

    labels = ["formula", "composition", *(["reason"] if wanted.skip or wanted.are_formulas else [])]
    schema = decider.schema(labels)
    named = labelled(schema, "none")
    as_table = wanted.form == "table"
    kept = []
    batches = formula_batches(decider.predictor.featurizer, wanted)
    first = list(islice(batches, 1))  # an input that cannot be read leaves no header behind
    joined = None if as_table else joined_with(named, labels, first)
    writer = (
        open_writer(wanted.output, str(wanted.form), joined.schema, "none")
        if joined
        else stability_writer(wanted.output)
    )
    with writer as append:
        for batch in chain(first, batches):
            note_batch(wanted, batch)
            table = decider.table(batch, schema)
            append(joined.table(table, batch.further) if joined else table)
            if keep:
                kept.append(table)
    return kept
