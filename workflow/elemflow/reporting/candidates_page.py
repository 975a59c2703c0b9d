"""Readable lists of ranked candidates: the best ones as Markdown and HTML."""

import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from elemflow.core.files import write_text
from elemflow.core.run import Run
from elemflow.evaluation.candidates import CandidateScore

SHOWN_ROWS = 100
"""Most candidates in a list; the CSV has all."""
STYLE = "body{font-family:sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}"


class RankedRun(NamedTuple):
    """The run that predicted the candidates.

    Attributes:
        run: Its ids.
        unit: Unit of the property.
    """

    run: Run
    unit: str


def write_lists(table: pd.DataFrame, ranked_by: RankedRun, score: CandidateScore, markdown: Path, page: Path) -> str:
    """Write the best candidates as lists for people.

    Args:
        table: All candidates; see `elemflow.inference.candidates.Ranking`.
        ranked_by: The run that predicted them.
        score: Evaluation of the known ones.
        markdown: Written: list in Markdown.
        page: Written: the same in HTML.

    Returns:
        The sentence above the lists.
    """
    summary = _summary(ranked_by, score)
    predictions = (f"predicted ({ranked_by.unit})", "spread", "known", "members without it", "by them")
    head = ("rank", "candidate", "composition", *predictions)
    rows = list(_lines(table.head(SHOWN_ROWS)))
    write_text(markdown, _markdown(head, rows, summary))
    write_text(page, _page(head, rows, summary))
    return summary


def _summary(ranked_by: RankedRun, score: CandidateScore) -> str:
    unit = ranked_by.unit
    summary = (
        f"{score.candidates:,} candidates by the lowest predicted {ranked_by.run.property.replace('_', ' ')}; run "
        f"{ranked_by.run.path}. The dataset of the run has {score.known:,} of them"
    )
    if score.mae is None:
        return f"{summary}, none with a composition that a member has not seen."
    return (
        f"{summary}, {score.known_and_unseen:,} with compositions that some members have not seen. Mean absolute error "
        f"of these members over the entries evaluated ({score.entries_evaluated:,}): {score.mae:.3f} {unit}; of "
        f"predicting the mean of these entries: {score.mae_of_the_mean:.3f} {unit}."
    )


def _lines(table: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    for row in table.to_dict("records"):
        numbers = ("" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in ("prediction", "spread", "known"))
        without = "" if pd.isna(row["unseen_by"]) else str(row["unseen_by"])
        by_them = "" if pd.isna(row["unseen_prediction"]) else f"{row['unseen_prediction']:.3f}"
        yield (str(row["rank"]), str(row["entry_id"]), str(row["composition"]), *numbers, without, by_them)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]], summary: str) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join([summary, "", *(f"| {' | '.join(line)} |" for line in lines)]) + "\n"


def _page(head: Sequence[str], rows: Sequence[Sequence[str]], summary: str) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"

    body = "\n".join([line(head, "th"), *(line(row, "td") for row in rows)])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Candidates</title><style>{STYLE}</style>'
        f"</head><body><h1>Candidates</h1><p>{html.escape(summary)}</p>\n<table>{body}</table></body></html>\n"
    )
