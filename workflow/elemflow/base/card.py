"""The model card of a base: data, licences, errors on compositions that no network saw, limits, provenance."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elemflow.chemistry.anion_classes import CLASSES

CARD, CARD_JSON = "README.md", "model_card.json"
LARGE = 1000
COLUMNS = ("property", "id", "unit", "labels", "held out", "error", "constant", "R²", "coverage")
"""Columns of the table of errors."""
ELEMENTS = {"1-2": "1–2 elements", "3": "3", "4+": "4 and more"}
"""Columns of the errors by number of elements, by what the errors call them."""
FEWEST_SHOWN = 5
"""Fewest held-out labels whose mean error is shown."""
FEWEST_FAR = 20
"""Fewest held-out labels flagged as far that say something about their error."""


def card_text(card: Mapping[str, Any]) -> str:
    """Return the card as Markdown.

    Args:
        card: What `elemflow.base.build.build_base` collects.
    """
    return "\n".join([*_use(card), *_data(card), *_errors(card), *_limits(card), *_provenance(card)]) + "\n"


def _use(card: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {card['title']}"
    yield ""
    yield (
        f"{card['networks']} networks of {card['parameters']:,} weights each predict {len(card['heads'])} computed "
        f"properties of a composition. They saw {card['compositions']:,} compositions; {card['held_out']:,} others "
        "were held out, and every error below is on those."
    )
    yield ""
    yield "## Use"
    yield ""
    yield "    elemflow predict Li2FeSiO4"
    yield "    elemflow predict formulas.csv --property band_gap -o gaps.csv"
    yield "    elemflow finetune measured.csv --target Tc"
    yield ""
    yield (
        "For: first estimates of computed properties from a formula, screening before calculations, and as the start "
        "of trainings on small sets. Not for: ranking polymorphs (a formula has one value: that of the lowest energy, "
        "of the first row or the median, as the dataset says), measured properties without fine-tuning, deciding "
        "whether a compound is stable, or anything that a wrong value endangers."
    )
    yield ""


def _data(card: Mapping[str, Any]) -> Iterator[str]:
    yield "## Data"
    yield ""
    yield "| dataset | title | version | licence | cite |"
    yield "|---|---|---|---|---|"
    for name, texts in card["datasets"].items():
        cells = (texts.get(key, "") for key in ("title", "version", "license"))
        yield f"| `{name}` | {' | '.join(cells)} | {', '.join(texts.get('citation', []))} |"
    yield ""
    for name, reason in card["left_out"].items():
        yield f"- left out: {name}: {reason}"
    for each in card["excluded"]:
        yield f"- no network saw a composition {_excluded(each)}"
    if card["known"]:
        yield from _known(card)
    yield "- the keys of the citations are those of references.bib in this file; pass both on with the weights"
    yield ""


def _known(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the known values cover."""
    steps: dict[float, list[str]] = {}
    for name, step in card["known"].items():
        steps.setdefault(step, []).append(f"`{name}`")
    yield (
        f"- the file holds the values that the datasets have of all {len(card['known'])} properties, for training and "
        "held-out compositions: `elemflow predict` shows them as known, next to the predictions. They are one per "
        "composition, as the dataset keeps it, within the bounds of the heads, and under the licence of their dataset"
    )
    rounded = "; ".join(f"to {step:g}: {', '.join(names)}" for step, names in sorted(steps.items(), reverse=True))
    yield f"- known values are rounded, as they are learned: {rounded}"


def _excluded(each: str | Mapping[str, Any]) -> str:
    """Return whose compositions no network saw, in words."""
    if isinstance(each, str):
        return f"of `{each}`"
    roles = " and ".join(each["roles"])
    return f"of the {roles} sets of `{each['dataset']}`, `{each['property']}`, by `{each['protocol']}`"


def _errors(card: Mapping[str, Any]) -> Iterator[str]:
    yield "## Errors on held-out compositions"
    yield ""
    yield (
        "Mean absolute error with the 90 % interval of the mean, in the unit; `constant` is the error of the median of "
        "the training labels; coverage is that of 90 % intervals, each half of the rows calibrated on the other."
    )
    yield ""
    yield from _rows(COLUMNS)
    for line in card["errors"]:
        name = line["head"]
        head = card["heads"][name]
        coverage = line["coverage_90"]
        yield (
            f"| {head['title']} | `{name}` | {head['unit']} | {card['labels'][name]:,} | {line['rows']:,} | "
            f"{_number(line['mae'])} ± {_number(line['mae_90'])} | {_number(line['dummy'])} | {_number(line['r2'])} | "
            f"{'–' if coverage is None else f'{100 * coverage:.0f} %'} |"
        )
    logs = [name for name, head in card["heads"].items() if head.get("transform", "none") != "none"]
    yield ""
    shown = ", ".join(f"`{name}`" for name in logs) or "none"
    yield f"Learned as logarithms, in which intervals are symmetric and R² is computed: {shown}."
    yield ""
    yield "### By number of elements"
    yield ""
    yield "As above, with the number of held-out labels in brackets; left out where there are fewer than five."
    yield ""
    yield from _parts(card, "elements", ELEMENTS)
    yield "### By chemistry"
    yield ""
    yield (
        "Each composition is in one class: oxides contain O; halides a halogen and no O; chalcogenides S, Se or Te and "
        "none of these; pnictides N, P or As and none of these; intermetallics are metals alone, with Ge, Sb and Bi; "
        "others are hydrides, borides, carbides, silicides and non-metals."
    )
    yield ""
    yield from _parts(card, "class", {name: name for name in CLASSES})


def _parts(card: Mapping[str, Any], kind: str, columns: Mapping[str, str]) -> Iterator[str]:
    """Yield a table of the errors on parts of the held-out compositions."""
    yield from _rows(("id", "unit", *columns.values()))
    for line in card["errors"]:
        cells = " | ".join(_part(line, f"{kind} {key}") for key in columns)
        yield f"| `{line['head']}` | {card['heads'][line['head']]['unit']} | {cells} |"
    yield ""


def _part(line: Mapping[str, Any], name: str) -> str:
    rows = line[f"rows, {name}"]
    if rows < FEWEST_SHOWN:
        return "–"
    return f"{_number(line[f'mae, {name}'])} ± {_number(line[f'mae_90, {name}'])} ({rows:,})"


def _rows(columns: Sequence[str]) -> Iterator[str]:
    """Yield the head of a table."""
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"


def _limits(card: Mapping[str, Any]) -> Iterator[str]:
    yield "## Limits"
    yield ""
    totals = {key: sum(line[f"rows, flag {key}"] for line in card["errors"]) for key in ("inside", "far", "unseen")}
    yield (
        "- flag `unseen`: an element that no training composition of the property has; `far`: one that fewer than five "
        "have, or the networks disagree more than on 95 % of the held-out compositions. Of the held-out labels "
        f"{totals['inside']:,} are inside, {totals['far']:,} far and {totals['unseen']:,} unseen."
    )
    ratios = sorted(
        line["mae, flag far"] / line["mae, flag inside"]
        for line in card["errors"]
        if line["rows, flag far"] >= FEWEST_FAR and line["mae, flag inside"]
    )
    if ratios:
        middle, n = ratios[len(ratios) // 2], len(ratios)
        yield f"- flagged `far`, a composition has {middle:.1f} times the error of one inside (median, {n} properties)"
    yield "- `_training` says whether a property was learned on this composition: then its error tests nothing"
    change = card["float16"]
    yield (
        f"- weights are float16: predictions change by up to {change['mean']:.0e} of a property's spread on average, "
        f"and by {change['largest']:.0e} for single compositions"
    )
    yield "- energies of the Materials Project have corrections that were fitted to measured enthalpies"
    yield ""


def _provenance(card: Mapping[str, Any]) -> Iterator[str]:
    yield "## Provenance"
    yield ""
    yield f"- commit {card.get('commit') or 'not known'}; configuration `config/bases/{card['name']}.yaml`"
    yield f"- versions: {', '.join(f'{name} {value}' for name, value in card.get('versions', {}).items())}"
    for path, digest in card.get("inputs_sha256", {}).items():
        yield f"- input: {path}, SHA-256 {digest}"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= LARGE else f"{value:.3g}"
