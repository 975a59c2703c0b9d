"""`elemflow finetune`: a predictor of a user's own property from a table and the base that ships."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from elemflow.cli.options import complete_run, results_option

if TYPE_CHECKING:
    from elemflow.base.finetune_card import Made
    from elemflow.base.finetune_report import Fitted

ENERGIES = {"ev/atom", "kj/mol", "kj/mol-atom", "kcal/mol", "mev/atom", "ev", "j/mol", "ry", "hartree", "mev"}
PRESSURES = {"gpa", "mpa", "kbar", "pa", "bar"}
TEMPERATURES = {"k", "°c", "c", "mk"}
DIMENSIONS = (ENERGIES, PRESSURES, TEMPERATURES)
"""Units between which a table may have been mixed up with the base."""
ALIKE, TIMES = 0.5, 5.0
"""Values with the unit of a head that explains this part of their variance should not vary so many times as much."""


@click.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", required=True, help="Column of the values.")
@click.option("--formula", help="Column of the formulas. Default: the one that looks like it.")
@click.option("--unit", help="Unit of the values. Default: the one in the name of the column.")
@click.option(
    "--transform",
    type=click.Choice(["none", "log10"]),
    default="none",
    show_default=True,
    help="What is learned of a value; log10 for positive values over magnitudes.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Predictor. Default: TARGET.elemflow"
)
@click.option(
    "--base",
    "base_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Base or exported run to start from. Default: the base that ships.",
)
@click.option("--run", shell_complete=complete_run, help="Trained run to start from: its folder, or a part of its id.")
@click.option(
    "--minimum",
    type=float,
    help="Lowest value that the property can have; predictions and intervals end there. Default: no bound.",
)
@click.option("--quick", is_flag=True, help="Without the comparison with extra trees and a network from scratch.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of folds and networks.")
@results_option
def finetune(
    *,
    table: Path,
    target: str,
    formula: str | None,
    unit: str | None,
    transform: Any,
    output: Path | None,
    base_file: Path | None,
    run: str | None,
    results: Path,
    minimum: float | None,
    quick: bool,
    seed: int,
) -> None:
    """Fine-tune the base on a property of your own: a predictor and a report of one page (HTML and Markdown).

    \b
    elemflow finetune my.csv --target Tc --unit K
    elemflow finetune conductivities.csv --target kappa --transform log10 -o kappa.elemflow
    elemflow finetune gaps.csv --target Eg --minimum 0
    elemflow finetune gaps.csv --target Eg --run "matbench_mp_gap brnet"
    elemflow predict --model kappa.elemflow MgO

    Five folds by composition compare three fine-tuned networks with extra trees, a network from scratch and the median;
    then all rows train the predictor, whose intervals are calibrated on the folds. 20 compositions are the fewest.
    """
    from threadpoolctl import threadpool_limits

    from elemflow.base.finetune_card import Made
    from elemflow.base.finetuning import METHODS
    from elemflow.base.predictor import SHIPPED
    from elemflow.base.table import read_measured
    from elemflow.cli.finetune_output import check_outputs
    from elemflow.cli.finetune_start import start_of
    from elemflow.core.files import write_text
    from elemflow.core.places import find

    if run and base_file:
        raise click.UsageError("give --run or --base, not both.")
    out = output or Path(f"{_file_name(target)}.elemflow")
    if out.suffix != ".elemflow":
        raise click.UsageError(f"{out}: name the predictor .elemflow.")
    if minimum is not None and not isfinite(minimum):
        raise click.UsageError(f"--minimum {minimum}: give a number, or leave it out.")
    check_outputs(out, None if run else base_file or find(SHIPPED))
    measured = read_measured(table, target, formula, unit, transform, minimum=minimum)
    base, origin, notes = start_of(base_file, run, results)
    options = {"target": target, "formula": formula, "unit": unit, "transform": transform, "minimum": minimum}
    made = Made(table, origin, options | {"quick": quick, "seed": seed})
    how = _How(transform, minimum, ("base", "constant") if quick else tuple(METHODS), seed)
    # One thread: sums in another order would give other numbers on a machine with other cores.
    with threadpool_limits(1, "blas"):
        fitted, report, sha256 = _fit(base, measured, how, out, notes, made)
    from elemflow.base.finetune_report import error_header, error_lines, error_unit, seen_lines
    from elemflow.cli.finetune_page import page_of
    from elemflow.cli.terminal import aligned
    from elemflow.reporting.site.finetuned import finetuned_page

    page, text = out.with_suffix(".html"), out.with_suffix(".md")
    write_text(text, report)
    write_text(page, finetuned_page(page_of(fitted, made, sha256)))
    click.echo(aligned(error_header(fitted), error_lines(fitted)))
    click.echo()
    click.echo(aligned(["rows of the table", "number", f"error{error_unit(fitted)}"], seen_lines(fitted)))
    click.echo(f"\n{out}: {out.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256}")
    click.echo(f"{page}: the report, for a browser; {text}: the same as text")


def _file_name(target: str) -> str:
    import re

    return re.sub(r"[^A-Za-z0-9]+", "_", target).strip("_").lower() or "predictor"


class _How(NamedTuple):
    """How a predictor is made: what is learned, the bound of predictions, the compared methods, and the seed."""

    transform: Any
    minimum: float | None
    methods: tuple[str, ...]
    seed: int


def _fit(base: Any, measured: Any, how: _How, out: Path, notes: list[str], made: "Made") -> tuple["Fitted", str, str]:
    """Compare, fine-tune on all rows and write the predictor; return its report and its SHA-256 too."""
    from elemflow.base import finetuning
    from elemflow.base.card import CARD
    from elemflow.base.finetune_card import card_members
    from elemflow.base.finetune_report import Fitted, comma_text, formulas_text, left_out_text, no_better_note
    from elemflow.base.table import check_learnable, implausible
    from elemflow.base.table_rows import repeated_note
    from elemflow.cli.progress import stages
    from elemflow.multitask.file import HeadFacts, write_base

    rows, lost = finetuning.featurize(base, measured)
    if lost:
        check_learnable(made.table, measured.target, rows.y, left_out_text(measured, lost))
    repeated = repeated_note(measured.spread, measured.unit, how.transform)
    formulas = [formulas_text(measured)] if measured.others else []
    for line in filter(None, (*formulas, comma_text(measured), left_out_text(measured, lost), *repeated)):
        click.echo(line, err=True)
    with stages(f"{len(rows.y):,} compositions", finetuning.steps(how.methods)) as done:
        compared = finetuning.compare(base, rows, seed=how.seed, methods=how.methods, notify=done)
        ensemble = finetuning.fit_ensemble(base, rows, how.seed, notify=done)
    place, correlation = finetuning.nearest_of(ensemble)
    nearest = base.facts.heads[place]
    name = _file_name(measured.target)
    known = {"id": name, "group": name, "unit": measured.unit or "1", "minimum": how.minimum}
    facts = HeadFacts(title=measured.target, transform=how.transform, **known)
    file = finetuning.as_file(base, ensemble, rows, compared, facts, name)
    notes = notes + implausible(measured) + _mistyped(measured)
    notes += _notes(base, rows, measured.unit, nearest.title, nearest.unit)
    times = finetuning.times_of_head(base, rows, place, how.transform)
    if measured.heading and measured.heading != measured.unit:
        notes.append(f"The column is named in {measured.heading}, and --unit is {measured.unit}: nothing is converted.")
    notes += _scale_note(measured.unit, nearest, correlation, times)
    about = ((nearest.title, nearest.unit), correlation, base.facts.name)
    fitted = Fitted(measured, rows, lost, compared, how.transform, *about, [], out.name, how.minimum)
    worse = no_better_note(fitted)
    for note in notes + worse:
        click.echo(note, err=True)
    fitted = fitted._replace(notes=worse + repeated + notes)
    members = card_members(fitted, file.facts, made)
    return fitted, members[CARD], write_base(out, file, members)


def _mistyped(measured: Any) -> list[str]:
    """Return a note on formulas that look mistyped, such as Fe203."""
    from elemflow.chemistry.suggestions import suspicious

    found = [f"{formula}: did you mean {meant}?" for formula in measured.formulas if (meant := suspicious(formula))]
    if not found:
        return []
    some = f" ({len(found):,} formulas look like that)" if len(found) > 1 else ""
    return [f"{found[0]}{some} It counts as it stands; correct the table where it is mistyped."]


def _scale_note(unit: str, nearest: Any, correlation: float, times: float) -> list[str]:
    """Return a note if values have the unit of the nearest head, and another scale."""
    same = unit.casefold().replace(" ", "") == nearest.unit.casefold().replace(" ", "")
    if not (same and unit and correlation >= ALIKE and not 1 / TIMES <= times <= TIMES):
        return []
    much = f"{times:.3g} times as much as the predictions of the nearest property of the base, {nearest.title}"
    return [f"The values vary {much}, although both are in {unit}; check the unit."]


def _notes(base: Any, rows: Any, unit: str, title: str, other: str) -> list[str]:
    """Return what a user should look at."""
    from elemflow.base.finetuning import unknown_elements

    notes = []
    pair = [text.casefold().replace(" ", "") for text in (unit, other)]
    if unit and pair[0] != pair[1] and any(set(pair) <= units for units in DIMENSIONS):
        notes.append(
            f"The values are in {unit}, and those of the nearest property of the base, {title}, in {other}. "
            "Fine-tuning brings them to one scale; check that this unit is meant."
        )
    if unknown := unknown_elements(base, rows):
        notes.append(f"The base knows no composition with {', '.join(unknown)}; rows with these profit less from it.")
    return notes
