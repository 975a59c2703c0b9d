"""The model card of a fine-tuned predictor: what it was made from, and how."""

import json
import platform
from collections.abc import Iterator
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elemflow.base.card import CARD, CARD_JSON
from elemflow.base.finetune_report import (
    Fitted,
    coverage,
    fold_errors,
    fold_means,
    learned_errors,
    left_out_rows,
    no_better_note,
    report_text,
)
from elemflow.base.origin import REFERENCES, Origin
from elemflow.core.files import JsonObject, sha256_file
from elemflow.core.version import version
from elemflow.evaluation.conformal import DEFAULT_LEVEL
from elemflow.multitask.file import BaseFacts

LIBRARIES = ("numpy", "scikit-learn")


class Made(NamedTuple):
    """How a predictor was made.

    Attributes:
        table: The table.
        origin: What was fine-tuned.
        options: Options of the command that change the predictor or its errors.
    """

    table: Path
    origin: Origin
    options: JsonObject


def card_members(fitted: Fitted, facts: BaseFacts, made: Made) -> dict[str, str]:
    """Return the card as members of the predictor: Markdown, JSON, and what to cite if the start has it.

    Equal inputs and software give equal texts.
    """
    card = card_facts(fitted, facts, made)
    found = {CARD: card_text(fitted, card), CARD_JSON: _json(card)}
    return found | ({REFERENCES: made.origin.bibliography} if made.origin.bibliography else {})


def card_facts(fitted: Fitted, facts: BaseFacts, made: Made) -> JsonObject:
    """Return what the card says."""
    measured, origin = fitted.measured, made.origin
    found = coverage(fitted, DEFAULT_LEVEL)
    return {
        "name": facts.name,
        "title": facts.title,
        "networks": facts.networks,
        "heads": {head.id: head.plain() for head in facts.heads},
        "target": measured.target,
        "unit": measured.unit,
        "transform": fitted.transform,
        "minimum": fitted.minimum,
        "table": {
            "name": made.table.name,
            "sha256": sha256_file(made.table),
            "rows": measured.n_rows,
            "rows_left_out": left_out_rows(measured, fitted.lost),
            "rows_repeated": measured.repeated,
            "compositions": len(fitted.rows.y),
            "formulas": measured.column,
        },
        "options": made.options,
        "base": {
            "name": origin.name,
            "sha256": origin.sha256,
            "tables": list(origin.tables),
            "head": fitted.nearest[0],
            "r2": fitted.correlation,
        },
        "datasets": {name: dict(about) for name, about in origin.datasets.items()},
        "errors": {method: _errors(fitted, method) for method in fitted.compared.predictions},
        "better_than_median": not no_better_note(fitted),
        "intervals": None if found is None else {"level": DEFAULT_LEVEL, "coverage": found[0], "width": found[1]},
        "versions": {
            "elemflow": version(), "python": platform.python_version(), **{name: version_of(name) for name in LIBRARIES}
        },
    }  # fmt: skip


def _errors(fitted: Fitted, method: str) -> JsonObject:
    means = fold_means(fitted, method)
    return {
        "mae": float(fold_errors(fitted, method).mean()),
        "mae_target": float(learned_errors(fitted, method).mean()),
        "sd_target": float(np.std(means, ddof=1)) if len(means) > 1 else None,
    }


def card_text(fitted: Fitted, card: JsonObject) -> str:
    """Return report and card as Markdown.

    Args:
        fitted: What was fine-tuned.
        card: What `card_facts` returned.
    """
    return "\n".join([report_text(fitted), *_data(card), *_provenance(card)]) + "\n"


def _data(card: JsonObject) -> Iterator[str]:
    base, table = card["base"], card["table"]
    yield "## Data"
    yield ""
    yield f"- fine-tuned on {table['name']}, SHA-256 `{table['sha256']}`: its licence and source are those of its owner"
    yield from (f"- the start was fine-tuned on a table itself, SHA-256 `{each}`" for each in base["tables"])
    if not card["datasets"]:
        yield f"- {base['name']} does not say what it was trained on: ask who made it for data, licences and citations"
        yield ""
        return
    yield f"- {base['name']} was trained on:"
    yield ""
    yield "| dataset | title | version | licence | cite |"
    yield "|---|---|---|---|---|"
    for name, about in card["datasets"].items():
        cells = [about.get(key) or "not stated" for key in ("title", "version", "license")]
        yield f"| `{name}` | {' | '.join(map(_cell, cells))} | {', '.join(about.get('citation', [])) or 'not stated'} |"
    yield ""
    yield f"The keys of the citations are those of {REFERENCES} in the predictor, as far as the start has it."
    yield ""


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|")


def _provenance(card: JsonObject) -> Iterator[str]:
    base = card["base"]
    yield "## Provenance"
    yield ""
    yield f"- start: {base['name']}, SHA-256 `{base['sha256']}`"
    yield f"- options: {', '.join(f'{name} {_shown(value)}' for name, value in card['options'].items())}"
    yield f"- versions: {', '.join(f'{name} {value}' for name, value in card['versions'].items())}"


def _shown(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _json(value: JsonObject) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
