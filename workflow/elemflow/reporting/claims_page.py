"""Pages and files of claims: what a paper says, the verdicts, and the cells that decide them."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from elemflow.core.files import atomic_path, write_text
from elemflow.plan.claims import PlannedClaims
from elemflow.reporting import text as words
from elemflow.reporting.claims_view import StudyClaims, view_claims
from elemflow.reporting.pages import render
from elemflow.reporting.tables.lines import to_csv

TITLE = "Claims of the papers"
VERDICT_STYLES = {"holds": "holds", "does not hold": "fails", "undecided": "open", "not testable": "open"}
"""Class in style.css of each verdict."""


def write_claims(
    planned: PlannedClaims,
    tables: Mapping[str, Mapping[str, str | Path]],
    runs: Mapping[str, Path],
    folder: str | Path,
) -> None:
    """Write the claims of one study and the pages of its tables.

    The claims are in `index.html`, `claims.md`, `claims.txt` and `claims.csv`, the cells behind them in `cells.csv`.

    Args:
        planned: The claims of the study.
        tables: `csv` and `html` of each table that a claim is about.
        runs: Folder of each run whose predictions are at hand, by its path.
        folder: Folder to write to.

    Raises:
        DataError: The csv of a table is not that of the plan.
    """
    folder = Path(folder)
    study = view_claims(planned, {table: files["csv"] for table, files in tables.items()}, runs, linked=True)
    for table, files in tables.items():
        with atomic_path(folder / f"{table}.html") as temporary:
            shutil.copyfile(files["html"], temporary)
    _write_frames(folder, [study])
    write_text(folder / "claims.md", _render_markdown(study))
    write_text(folder / "claims.txt", _render_text(study))
    write_text(folder / "index.html", _render_page("Claims of the paper", [study], study.title))


def write_claims_index(
    folder: str | Path,
    studies: Sequence[tuple[PlannedClaims, Mapping[str, str | Path]]],
    runs: Mapping[str, Path],
) -> None:
    """Write the claims of all studies: `index.html`, `claims.csv` and `cells.csv`.

    Args:
        folder: Folder to write to.
        studies: The claims of each study, with the csv of each of its tables.
        runs: Folder of each run whose predictions are at hand, by its path.
    """
    views = [view_claims(planned, csv, runs, linked=False) for planned, csv in studies]
    _write_frames(Path(folder), views)
    write_text(Path(folder) / "index.html", _render_page(TITLE, views))


def _render_page(title: str, studies: Sequence[StudyClaims], about: str = "") -> str:
    """Return the page with the claims of one study, which `about` names, or of several."""
    return render("claims", title=title, about=about, studies=studies, styles=VERDICT_STYLES)


def _write_frames(folder: Path, studies: Sequence[StudyClaims]) -> None:
    """Write `claims.csv`, a line per claim, and `cells.csv`, a line per cell that decides."""
    shown = [claim for study in studies for claim in study.claims]
    claims = pd.DataFrame(
        {
            "study": claim.study,
            "id": claim.id,
            "text": claim.text,
            "source": claim.source,
            "verdict": claim.reproduced.verdict.word,
            "true": claim.reproduced.verdict.true,
            "cases": claim.reproduced.verdict.cases,
            "open": claim.reproduced.verdict.open,
            "needed": claim.reproduced.verdict.needed,
            "reason": "; ".join(claim.reproduced.verdict.reasons),
            "printed_verdict": claim.published.verdict.word if claim.published else None,
            "printed_true": claim.published.verdict.true if claim.published else None,
            "printed_cases": claim.published.verdict.cases if claim.published else None,
            "note": claim.note,
        }
        for claim in shown
    )
    cells = pd.DataFrame(
        {
            "study": claim.study,
            "claim": claim.id,
            "case": case.label,
            "outcome": case.outcome.true,
            "number": case.number,
            "reason": case.outcome.reason,
            "table": cell.table,
            "row": cell.row,
            "column": cell.column,
            "run": cell.run,
            "published": cell.published_text,
            "value": cell.value,
            "scale": cell.scale,
            "reduced_by": cell.reduced_by,
        }
        for claim in shown
        for case in claim.cases
        for cell in case.cells
    )
    counts = dict.fromkeys(("printed_true", "printed_cases"), "Int64")
    write_text(folder / "claims.csv", to_csv(claims.astype(counts)))
    write_text(folder / "cells.csv", to_csv(cells))


def _render_markdown(study: StudyClaims) -> str:
    rows = [
        (
            claim.text,
            claim.published_text,
            claim.published_numbers,
            claim.reproduced.text,
            claim.reproduced.numbers,
            claim.note,
        )
        for claim in study.claims
    ]
    lines = [f"| {' | '.join(map(words.escape_markdown, row))} |" for row in rows]
    table = "\n".join(["| claim | paper's own numbers | | reproduced | | note |", f"|{':--|' * 6}", *lines])
    parts = [f"### Claims: {words.escape_markdown(study.title)}", table, words.escape_markdown(study.summary)]
    if study.model_selection:
        parts.append(f"Model selection in the paper: {words.escape_markdown(study.model_selection)}")
    return "\n\n".join([*parts, f"Reference: {words.escape_markdown(study.reference)}"]) + "\n"


def _render_text(study: StudyClaims) -> str:
    """Render the claims as reStructuredText that is plain text."""
    parts = [f"**Claims: {words.escape_rst(study.title)}**", words.fill(study.summary)]
    for claim in study.claims:
        sentences = [claim.text, f"Reproduced: {claim.reproduced.text}; {claim.reproduced.numbers}."]
        if claim.published:
            sentences.append(f"In the paper's own numbers: {claim.published.text}; {claim.published.numbers}.")
        if claim.note:
            sentences.append(f"Note: {claim.note}")
        parts.append("\n".join(words.fill(words.escape_rst(sentence)) for sentence in sentences))
    if study.model_selection:
        parts.append(words.fill(words.escape_rst(f"Model selection in the paper: {study.model_selection}")))
    return "\n\n".join([*parts, words.fill(words.escape_rst(f"Reference: {study.reference}"))]) + "\n"
