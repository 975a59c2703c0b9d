"""`elemflow predict` without a run: all properties of the base that ships, or of a file like it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from elemflow.cli.predict_given import Given, formula_batches, joined_with, note_batch, report
from elemflow.cli.terminal import MISSING, aligned, decimals_of, number, printable
from elemflow.core.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

    from elemflow.base.predictor import BasePredictor
    from elemflow.inference.formulas import Batch


MOST_NAMED = 4
"""Most properties that a note names."""


def predict_with_base(given: Given, path: Path | None, properties: Sequence[str], level: int | None) -> None:
    """Write the predictions of a base.

    Args:
        given: What the call requests.
        path: The file; None is the one that ships.
        properties: Ids or groups of properties; none for all.
        level: Level of the intervals in per cent.
    """
    from elemflow.base.predictor import BasePredictor
    from elemflow.evaluation.conformal import DEFAULT_LEVEL
    from elemflow.inference.output import labelled, open_writer

    if given.are_structures:
        raise click.UsageError("a base predicts compositions: give formulas or tables of them, or a run with --run.")
    if path and _is_no_better_than_the_median(path):
        click.echo(f"Warning: {path} is no better than a constant, as its card says: elemflow info {path}", err=True)
    shown = None if given.known is None and given.are_formulas and given.form == "table" else bool(given.known)
    predictor = BasePredictor(path, properties, level or DEFAULT_LEVEL, known=shown)
    labels = ["formula", "composition", *(["reason"] if given.skip or given.are_formulas else [])]
    schema = predictor.schema(labels)
    batches = (batch for batch in formula_batches(predictor.featurizer, given) if batch.reasons)
    if given.form == "table":
        _write_table(predictor, given, batches, schema)
    else:
        named = labelled(schema, given.units)  # type: ignore[arg-type]
        first = list(islice(batches, 1))  # an input that cannot be read leaves no header behind
        joined = joined_with(named, labels, first)
        with open_writer(given.output, str(given.form), joined.schema, given.units) as append:  # type: ignore[arg-type]
            for batch in chain(first, batches):
                note_batch(given, batch)
                append(joined.table(predictor.table(batch, schema), batch.further))
    if without := predictor.without_intervals:
        more = f" and {len(without) - MOST_NAMED} more" if len(without) > MOST_NAMED else ""
        heads = ", ".join(without[:MOST_NAMED]) + more
        click.echo(f"too few held-out compositions for all {predictor.level} % intervals of {heads}", err=True)
    report(given)


def _is_no_better_than_the_median(path: Path) -> bool:
    """Return whether the card of a file says that its errors on unseen rows are not below those of the median."""
    import json

    from elemflow.base.card import CARD_JSON
    from elemflow.core.archive import read_members

    members = read_members(path, everything=True)[1]
    card = json.loads(members.get(CARD_JSON, b"{}"))
    return isinstance(card, dict) and card.get("better_than_median") is False


def note_reading(given: Given, predictor: "BasePredictor", batch: "Batch") -> None:
    """Note what a base cannot know of formulas: small deviations from neutrality, and symbols in capital letters."""
    import numpy as np

    from elemflow.chemistry.composition import canonical, parse_formula
    from elemflow.chemistry.suggestions import recased

    for row, neutral in predictor.nearly_neutral(batch).items():
        given.hints.append(
            f"{batch.labels['formula'][row]}: not charge-neutral, and within 2 % of {neutral}, which can be. It is "
            f"predicted as a compound that cannot, and flagged far; if its amounts are rounded, give {neutral}."
        )
    known = predictor.base.known
    if known is None:
        return
    for row in batch.predicted_rows:
        formula, read = str(batch.labels["formula"][row]), str(batch.labels["composition"][row])
        meant = recased(formula) if formula.isupper() else []
        if not meant or np.isfinite(known.find([read], predictor.heads)).any():
            continue
        found = [name for name in meant if np.isfinite(known.find([canonical(name)], predictor.heads)).any()]
        if found:
            given.hints.append(f"{formula}: read as {', '.join(parse_formula(formula))}; did you mean {found[0]}?")


def _write_table(predictor: "BasePredictor", given: Given, batches: Iterator[Any], schema: "pa.Schema") -> None:
    """Write a line per formula and property, aligned."""
    with ExitStack() as stack:
        stream = None
        if given.output:
            stream = stack.enter_context(stack.enter_context(atomic_path(given.output)).open("w", encoding="utf-8"))
        for batch in batches:
            note_batch(given, batch)
            note_reading(given, predictor, batch)
            for row in predictor.table(batch, schema).to_pylist():
                if row.get("reason") is None:
                    known = ["known"] if predictor.known else []
                    header = ["property", "predicted", "unit", f"{predictor.level} % interval", "flag", *known, "data"]
                    click.echo(f"{printable(row['formula'])}", file=stream)
                    click.echo(f"{aligned(header, list(_lines(predictor, row)))}\n", file=stream)


def _lines(predictor: "BasePredictor", row: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of the properties of a formula."""
    for place in predictor.heads:
        head = predictor.base.facts.heads[place]
        name = head.id
        value, low, high = (row[f"{name}{end}"] for end in ("", "_lower", "_upper"))
        decimals = decimals_of(abs(float(value)) if isinstance(value, float) else 0.0)
        ends = [_own_decimals(end) if head.transform == "log10" else number(end, decimals) for end in (low, high)]
        interval = " to ".join(ends) if isinstance(low, float) else MISSING
        unit = "" if head.unit == "1" else head.unit
        known = [_own_decimals(row[f"{name}_known"])] if predictor.known else []
        flag = str(row[f"{name}_flag"])
        yield [printable(head.title), number(value, decimals), unit, interval, flag, *known, _data(row, name)]


def _own_decimals(value: float | None) -> str:
    return MISSING if value is None else number(value, decimals_of(abs(value)))


def _data(row: dict[str, Any], name: str) -> str:
    """Return what the base had of a property of a formula."""
    if row[f"{name}_training"]:
        return "trained on"
    return "held out" if row.get(f"{name}_known") is not None else "new"
