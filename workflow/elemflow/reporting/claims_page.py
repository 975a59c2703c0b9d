"""Pages of claims: what a paper says, whether its own numbers and the reproduced ones bear it out, by which cells."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, write_text
from elemflow.plan import claims
from elemflow.reporting import comparability as scale
from elemflow.reporting import text as words
from elemflow.reporting.pages import render_claims
from elemflow.reporting.tables.base import load_builder
from elemflow.reporting.tables.formats import FLOAT_FORMAT
from elemflow.reporting.tables.view import NO_VALUE, NOT_RUN

TITLE = "Claims of the papers"
SIGNS = {True: "✓", False: "✗", None: "?"}
PER_CENT_KINDS = ("lower", "within", "ordering", "similar")
RULE = {
    "lower": "error of {a} below that of {b}",
    "within": "error within {percent:g} % of the published one",
    "ordering": "errors {direction}: {order}",
    "similar": "largest error with any {over} at most {percent:g} % above the smallest",
    "significant": "adjusted p of {a} against {b} below {level:g}",
}


def write_claims(cfg: Mapping[str, Any], tables: Mapping[str, Mapping[str, str | Path]], folder: str | Path) -> None:
    """Write the claims of one study and the pages of its tables.

    The claims are in `index.html`, `claims.md`, `claims.txt` and `claims.csv`, the cells behind them in `cells.csv`.

    Args:
        cfg: The study as `elemflow.plan.claims.build` describes it.
        tables: `csv` and `html` of each table that a claim is about.
        folder: Folder to write to.

    Raises:
        DataError: The csv of a table is not that of the plan.
    """
    folder = Path(folder)
    view = view_claims(cfg, {table: files["csv"] for table, files in tables.items()}, linked=True)
    for table, files in tables.items():
        with atomic_path(folder / f"{table}.html") as temporary:
            shutil.copyfile(files["html"], temporary)
    _write_frames(folder, [view])
    write_text(folder / "claims.md", _render_markdown(view))
    write_text(folder / "claims.txt", _render_text(view))
    write_text(folder / "index.html", render_claims(f"Claims: {cfg['study_title']}", [view]))


def write_claims_index(
    folder: str | Path, studies: Sequence[tuple[Mapping[str, Any], Mapping[str, str | Path]]]
) -> None:
    """Write the claims of all studies: `index.html`, `claims.csv` and `cells.csv`.

    Args:
        folder: Folder to write to.
        studies: Each study as described, with the csv of each of its tables.
    """
    views = [view_claims(cfg, csv, linked=False) for cfg, csv in studies]
    _write_frames(Path(folder), views)
    write_text(Path(folder) / "index.html", render_claims(TITLE, views))


def view_claims(cfg: Mapping[str, Any], csv: Mapping[str, str | Path], *, linked: bool) -> dict[str, Any]:
    """Decide every claim of a study and arrange what its page shows."""
    lines = {table: _read_lines(planned, csv[table]) for table, planned in cfg["tables"].items()}
    titles = cfg["dataset_titles"]
    shown = [_view(cfg, claim_id, claim, lines, titles, linked=linked) for claim_id, claim in cfg["claims"].items()]
    about = {key: cfg[key] for key in ("study", "study_title", "reference", "model_selection")}
    return about | {"claims": shown, "summary": _summary(shown)}


def _summary(shown: Iterable[Mapping[str, Any]]) -> str:
    found = [claim["verdict"].word for claim in shown]
    told = [f"{found.count(word)} {words_of}" for word, words_of in (
        (claims.HOLDS, "hold"), (claims.FAILS, "do not hold"), (claims.OPEN, "are not testable here"))]  # fmt: skip
    return f"Of {len(found)} claims, {told[0]}, {told[1]} and {told[2]}."


def _read_lines(planned: Mapping[str, Any], csv: str | Path) -> list[dict[str, Any]]:
    """Return the cells of a table with what its csv says of them."""
    records = load_builder(planned["kind"]).read(csv).to_dict("records")
    lines = claims.planned_lines(planned)
    runs = [(line["run"], line.get("against", {}).get("run")) for line in lines]
    if runs != [(record["run"], record.get("against_run")) for record in records]:
        raise DataError(f"{csv}: its cells are not those of the study; make the table again.")
    known = [{str(k): None if pd.isna(v) else v for k, v in record.items()} for record in records]
    return [line | {"found": found} for line, found in zip(lines, known, strict=True)]


def _value(line: claims.Line) -> float | str:
    """Return the reproduced error, or the adjusted p value of a test, or why there is none."""
    found = line["found"]
    if line["missing"] or found["missing"]:
        return claims.NO_DATA
    if not found["members"]:
        known = {claims.FAILED: claims.FAILED, f"{NOT_RUN}:": claims.DECLINED}
        note = found.get("note") or ""
        return next((reason for start, reason in known.items() if note.startswith(start)), claims.NO_RESULT)
    if "against" not in line:
        return float(found["reproduced"])
    return claims.FEW_MEMBERS if found["p_holm_corrected"] is None else float(found["p_holm_corrected"])


def _deciding_value(kind: str, line: claims.Line) -> float | str:
    """Return the value, unless it decides nothing: at a reduced scale, or on more data where the paper is repeated."""
    value, size = _value(line), line["found"]["scale"]
    if isinstance(value, str):
        return value
    if size == scale.REDUCED:
        return claims.REDUCED
    return claims.LARGER if size == scale.LARGER and kind == "within" else value


def _view(
    cfg: Mapping[str, Any], claim_id: str, claim: Mapping[str, Any], lines: Mapping[str, Sequence[claims.Line]],
    titles: Mapping[str, str], *, linked: bool,
) -> dict[str, Any]:  # fmt: skip
    about = {"id": claim_id, "study": cfg["study"]} | {key: claim[key] for key in ("text", "source", "note")}
    if claim.get("missing"):
        verdict = claims.Verdict(claims.OPEN, 0, 0, 0, 0, (claim["missing"],))
        return about | {
            "verdict": verdict,
            "told": _tell(verdict),
            "printed": None,
            "paper": NO_VALUE,
            "cases": [],
            "rule": "",
            "numbers": NO_VALUE,
            "published": NO_VALUE,
        }
    mine = [line for table in claim["tables"] for line in lines[table]]
    cases = claims.cases_of(claim, mine)
    outcomes = [claims.decide(claim, case, partial(_deciding_value, claim["kind"])) for case in cases]
    numbers = [claims.decide(claim, case, _value).number for case in cases]
    verdict = claims.sum_up(claim, outcomes)
    about["note"] = " ".join(filter(None, [about["note"], *_tell_same_materials(cases, cfg["same_materials"], titles)]))
    printed = _judge_printed(claim, mine)
    decided = [
        {
            "label": _label(case, cases, titles),
            "outcome": outcome,
            "sign": SIGNS[outcome.true],
            "number": _show(claim, number),
            "raw": number,
            "printed": _show(claim, printed[1].get(_key(case))) if printed else NO_VALUE,
            "cells": [_view_cell(line, case, linked=linked) for line in case.lines],
        }
        for case, outcome, number in zip(cases, outcomes, numbers, strict=True)
    ]
    return about | {
        "verdict": verdict,
        "told": _tell(verdict),
        "printed": printed[0] if printed else None,
        "paper": _tell(printed[0]) if printed else NO_VALUE,
        "cases": decided,
        "rule": _tell_rule(claim, verdict),
        "numbers": _tell_range(claim, [outcome.number for outcome in outcomes]),
        "published": _tell_range(claim, printed[1].values() if printed else []),
    }


def _tell_same_materials(
    cases: Iterable[claims.Case], groups: Iterable[Sequence[str]], titles: Mapping[str, str]
) -> list[str]:
    """Say which datasets of a claim are one set under several names, so that its cases are no independent evidence."""
    named = {line["dataset"] for case in cases for line in case.lines}
    shared = [[titles[dataset] for dataset in group if dataset in named] for group in groups]
    return [
        f"Here {' and '.join(one)} are the same materials: their cases are one piece of evidence."
        for one in shared
        if len(one) > 1
    ]


def _tell_rule(claim: Mapping[str, Any], verdict: claims.Verdict) -> str:
    """Say in words what is checked."""
    named = {key: _tell_selector(claim[key]) for key in ("a", "b") if key in claim}
    order = ", then ".join(_tell_selector(selector) for selector in claim.get("order", []))
    told = RULE[claim["kind"]].format(
        **dict(claim) | named | {"order": order, "over": " or ".join(claim.get("over", []))}
    )
    told += f" by at least {claim['percent']:g} %" if claim["kind"] == "lower" and claim.get("percent") else ""
    return told if verdict.needed == verdict.cases else f"{told}, in {verdict.needed} of {verdict.cases} cases or more"


def _tell_selector(selector: Mapping[str, Any]) -> str:
    values = [[value] if isinstance(value, str) else value for value in selector.values()]
    return " with ".join(", ".join(value) for value in values)


def _tell_range(claim: Mapping[str, Any], numbers: Iterable[float | None]) -> str:
    """Show the smallest and the largest of what decides."""
    known = [number for number in numbers if number is not None]
    return " to ".join(dict.fromkeys(_show(claim, end) for end in (min(known), max(known)))) if known else NO_VALUE


def _judge_printed(
    claim: Mapping[str, Any], lines: Sequence[claims.Line]
) -> tuple[claims.Verdict, dict[str, float | None]] | None:
    """Hold a claim against the paper's own numbers; None where that says nothing."""
    if not claim["printed"] or claim["kind"] in ("within", "significant"):
        return None
    cases = claims.cases_of(claim, [line for line in lines if line["published"] is not None])
    if not cases:
        return None
    outcomes = [claims.decide(claim, case, claims.printed_value) for case in cases]
    numbers = {_key(case): outcome.number for case, outcome in zip(cases, outcomes, strict=True)}
    return claims.sum_up(claim, outcomes), numbers


def _key(case: claims.Case) -> str:
    return "/".join(case.keys.values())


def _tell(verdict: claims.Verdict) -> str:
    """Say a verdict with its count and, where it is open, why."""
    if not verdict.cases:
        return f"{verdict.word}: {'; '.join(verdict.reasons)}" if verdict.reasons else verdict.word
    told = [f"{verdict.true} of {verdict.cases}", *([f"{verdict.open} open"] if verdict.open else [])]
    if verdict.word != claims.OPEN:
        return f"{verdict.word} ({', '.join(told)})"
    if verdict.reasons == (claims.REDUCED,):
        return "not testable at this scale"
    return f"{verdict.word} ({', '.join(told)}: {'; '.join(verdict.reasons)})"


def _show(claim: Mapping[str, Any], number: float | None) -> str:
    if number is None:
        return NO_VALUE
    return words.format_percent(number) if claim["kind"] in PER_CENT_KINDS else f"p = {number:.2g}"


def _label(case: claims.Case, cases: Sequence[claims.Case], titles: Mapping[str, str]) -> str:
    """Name a case by the keys in which the cases differ, or by its data if there is one."""
    differing = [key for key in case.keys if len({other.keys.get(key) for other in cases}) > 1]
    chosen = {key: case.keys[key] for key in differing} or {key: case.lines[0][key] for key in ("dataset", "property")}
    return " · ".join(titles.get(v, v) if k == "dataset" else v.replace("_", " ") for k, v in chosen.items())


def _view_cell(line: claims.Line, case: claims.Case, *, linked: bool) -> dict[str, Any]:
    sides = [side for side in ("row", "column") if len({other[side] for other in case.lines}) > 1] or ["column"]
    found, value = line["found"], _value(line)
    if isinstance(value, str):
        shown = value
    elif "against" in line:
        shown = f"p = {value:.2g}"
    else:
        decimals = words.count_decimals(value, found["published"])
        spread = f" ± {words.format_number(found['spread'], decimals)}" if found["spread"] is not None else ""
        shown = words.format_number(value, decimals) + spread
    return {
        "label": ", ".join(line[side] for side in sides),
        "href": f"{line['table']}.html#{line['place']}" if linked else "",
        "published": line["published_text"] or NO_VALUE,
        "reproduced": shown if isinstance(value, str) else f"{shown} {scale.mark_of(found)}".rstrip(),
        "line": line,
    }


def _write_frames(folder: Path, views: Sequence[Mapping[str, Any]]) -> None:
    """Write `claims.csv`, a line per claim, and `cells.csv`, a line per cell that decides."""
    lines, cells = [], []
    for claim in (claim for view in views for claim in view["claims"]):
        verdict, printed = claim["verdict"], claim["printed"]
        lines.append(
            {
                **{key: claim[key] for key in ("study", "id", "text", "source")},
                "verdict": verdict.word,
                "true": verdict.true,
                "cases": verdict.cases,
                "open": verdict.open,
                "needed": verdict.needed,
                "reason": "; ".join(verdict.reasons),
                "printed_verdict": printed.word if printed else None,
                "printed_true": printed.true if printed else None,
                "printed_cases": printed.cases if printed else None,
                "note": claim["note"],
            }
        )
        cells += [
            {
                "study": claim["study"],
                "claim": claim["id"],
                "case": case["label"],
                "outcome": case["outcome"].true,
                "number": case["raw"],
                "reason": case["outcome"].reason,
                **{key: cell["line"][key] for key in ("table", "row", "column", "run")},
                "published": cell["line"]["published_text"],
                "value": None if isinstance(value := _value(cell["line"]), str) else value,
                **{key: cell["line"]["found"][key] for key in ("scale", "reduced_by")},
            }
            for case in claim["cases"]
            for cell in case["cells"]
        ]
    counts = dict.fromkeys(("printed_true", "printed_cases"), "Int64")
    for name, frame in (("claims", pd.DataFrame(lines).astype(counts)), ("cells", pd.DataFrame(cells))):
        write_text(folder / f"{name}.csv", frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n"))


def _render_markdown(view: Mapping[str, Any]) -> str:
    keys = ("text", "paper", "published", "told", "numbers", "note")
    rows = [[claim[key] for key in keys] for claim in view["claims"]]
    lines = [f"| {' | '.join(map(words.escape_markdown, row))} |" for row in rows]
    table = "\n".join(["| claim | paper's own numbers | | reproduced | | note |", f"|{':--|' * 6}", *lines])
    parts = [f"### Claims: {words.escape_markdown(view['study_title'])}", table, words.escape_markdown(view["summary"])]
    if view["model_selection"]:
        parts.append(f"How the paper chose: {words.escape_markdown(view['model_selection'])}")
    return "\n\n".join([*parts, f"Reference: {words.escape_markdown(view['reference'])}"]) + "\n"


def _render_text(view: Mapping[str, Any]) -> str:
    """Render the claims as reStructuredText that is plain text."""
    parts = [f"**Claims: {words.escape_rst(view['study_title'])}**", words.fill(view["summary"])]
    for claim in view["claims"]:
        told = [claim["text"], f"Reproduced: {claim['told']}; {claim['numbers']}."]
        told += [f"In the paper's own numbers: {claim['paper']}; {claim['published']}."] * bool(claim["printed"])
        told += [f"Note: {claim['note']}"] * bool(claim["note"])
        parts.append("\n".join(words.fill(words.escape_rst(sentence)) for sentence in told))
    if view["model_selection"]:
        parts.append(words.fill(words.escape_rst(f"How the paper chose: {view['model_selection']}")))
    return "\n\n".join([*parts, words.fill(words.escape_rst(f"Reference: {view['reference']}"))]) + "\n"
