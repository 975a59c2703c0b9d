"""Claims of a paper, declared in its study over the cells of its tables, and their verdicts.

A claim names cells by what their runs are (dataset, property, representation, model, protocol). Cells that agree in all
keys that the claim leaves open belong together and are one case of it. A case is true, false or open; a claim holds if
enough cases are true, does not hold if too few can be, and is otherwise not testable.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from elemflow.config.load import PlainSettings as Settings
from elemflow.core.errors import ConfigError, nearest
from elemflow.core.run import RUN_KEYS
from elemflow.plan.build import Plan

HOLDS, FAILS, OPEN = "holds", "does not hold", "not testable"
NO_RESULT, NO_DATA, FAILED, DECLINED = "no result", "no data", "failed", "declined by its model"
REDUCED, LARGER, FEW_MEMBERS = "reduced scale", "more materials than in the paper", "too few members"
KINDS = {"lower": "errors", "within": "errors", "ordering": "errors", "similar": "errors", "significant": "comparison"}
"""Kinds of claim, and the kind of table that each reads."""
HIGHER_IS_BETTER = ("r2",)
NEEDS = {
    "lower": ("a", "b"),
    "within": ("percent",),
    "ordering": ("order", "direction"),
    "similar": ("over", "percent"),
    "significant": ("a", "b"),
}

MAY = {"lower": ("percent",), "within": ("a",), "ordering": (), "similar": ("a",), "significant": ()}
"""Keys that each kind reads if they are given, besides those of `NEEDS` and those of every claim."""
OF_KINDS = ("a", "b", "order", "direction", "over", "percent")

MAKES_MATERIALS = ("source", "columns", "properties", "filters", "keep")
"""Keys of a dataset that decide which materials it has."""

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """Cells that a claim compares.

    Attributes:
        keys: What they have in common, of the keys that the claim leaves open.
        lines: The cells, in the order that the claim gives them.
    """

    keys: Mapping[str, str]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Outcome:
    """What a case says.

    Attributes:
        true: Whether it bears the claim out; None if that is open.
        number: What decides, in per cent: the difference of the first error from the lowest other one, of the value
            from the published one, or of the largest from the smallest; a p value for tests. None if nothing is known.
        reason: Why it is open; empty if it is not.
    """

    true: bool | None
    number: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the cases of a claim say together.

    Attributes:
        word: `holds`, `does not hold` or `not testable`.
        true: Number of true cases.
        cases: Number of cases.
        open: Number of open cases.
        needed: How many must be true.
        reasons: Why cases are open.
    """

    word: str
    true: int
    cases: int
    open: int
    needed: int
    reasons: tuple[str, ...]


def build(settings: Settings, plan: Plan) -> dict[str, dict[str, Any]]:
    """Return what the page of claims of each study shows, for the studies that have claims.

    Raises:
        ConfigError: A claim lacks a key, names a table that the study has not, or cells that its tables have not.
    """
    found = {}
    for study_id in settings.selected:
        study = settings.studies[study_id]
        tables = {table: cfg for (of, table), cfg in plan.tables.items() if of == study_id}
        for claim_id, claim in study["claims"].items():
            _check(claim, tables, f"config/studies/{study_id}.yaml: key 'claims.{claim_id}")
        if study["claims"]:
            shown = [claim for claim in study["claims"].values() if not claim.get("missing")]
            used = {table for claim in shown for table in claim["tables"]}
            datasets = {cell["named"]["dataset"] for table in used for cell in tables[table]["cells"]}
            found[study_id] = {
                "study": study_id,
                "study_title": study["title"],
                "reference": study["reference"],
                "model_selection": study["model_selection"],
                "claims": study["claims"],
                "dataset_titles": {dataset: settings.datasets[dataset]["title"] for dataset in sorted(datasets)},
                "same_materials": find_same_materials(settings.datasets, datasets),
                "tables": {table: cfg for table, cfg in tables.items() if table in used},
            }
    return found


def find_same_materials(datasets: Mapping[str, Mapping[str, Any]], chosen: Iterable[str]) -> list[list[str]]:
    """Return the groups of datasets with the same materials: one source, read and curated alike, by several names."""
    groups: dict[str, list[str]] = {}
    for dataset in sorted(chosen):
        content = {key: datasets[dataset].get(key) for key in MAKES_MATERIALS}
        groups.setdefault(json.dumps(content, sort_keys=True), []).append(dataset)
    return [group for group in groups.values() if len(group) > 1]


def _check(claim: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]], where: str) -> None:
    if claim.get("missing"):
        return
    _check_keys(claim, where)
    for table in claim["tables"]:
        _check_table(claim["kind"], table, tables, f"{where}.tables'")
    lines = [line for table in claim["tables"] for line in planned_lines(tables[table])]
    if claim["kind"] == "significant":
        _check_values(claim["b"], [line["against"] for line in lines], f"{where}.b")
    for key, selector in _selectors(claim):
        _check_values(selector, lines, f"{where}.{key}")
        if not any(_matches(line, selector) for line in lines):
            shown = ", ".join(f"{name}: {value}" for name, value in selector.items())
            raise ConfigError(f"{where}.{key}': no cell of {', '.join(claim['tables'])} has {shown}.")
    cases, needed = len(cases_of(claim, lines)), claim.get("at_least", 1)
    if cases < needed:
        raise ConfigError(
            f"{where}.at_least': {needed} cases must be true, but the tables have {cases}. A case is a set of cells "
            "that agree in all keys that the claim does not name."
        )


def _check_keys(claim: Mapping[str, Any], where: str) -> None:
    """Check that a claim has the keys of its kind and no others."""
    kind = claim["kind"]
    for key in NEEDS[kind]:
        if key not in claim:
            raise ConfigError(f"{where}': a claim of kind {kind} needs the key '{key}'.")
    for key in OF_KINDS:
        if key in claim and key not in (*NEEDS[kind], *MAY[kind]):
            raise ConfigError(f"{where}.{key}': a claim of kind {kind} does not read this key; remove it.")


def _check_values(selector: Mapping[str, Any], lines: Sequence[Line], where: str) -> None:
    """Check that every value that a selector names is that of a cell, also one among several."""
    for key, value in selector.items():
        known = dict.fromkeys(line[key] for line in lines)
        for name in value if isinstance(value, list) else [value]:
            if name not in known:
                raise ConfigError(
                    f"{where}.{key}': no cell of the claim's tables has '{name}'. Known: {', '.join(known)}."
                    f"{nearest(name, known)}"
                )


def _check_table(kind: str, table: str, tables: Mapping[str, Mapping[str, Any]], where: str) -> None:
    if table not in tables:
        raise ConfigError(f"{where}: no table '{table}'. Known: {', '.join(tables)}.{nearest(table, tables)}")
    if tables[table]["kind"] != KINDS[kind]:
        raise ConfigError(
            f"{where}: a claim of kind {kind} reads tables of kind {KINDS[kind]}, and '{table}' is of kind "
            f"{tables[table]['kind']}."
        )
    if tables[table]["metric"] in HIGHER_IS_BETTER:
        raise ConfigError(f"{where}: claims are about errors, and '{table}' shows {tables[table]['metric']}.")


def _selectors(claim: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "where", claim["where"]
    own = [key for key in ("a", "b") if key in claim and not (key == "b" and claim["kind"] == "significant")]
    yield from ((key, claim["where"] | claim[key]) for key in own)
    yield from ((f"order[{i}]", claim["where"] | selector) for i, selector in enumerate(claim.get("order", [])))


def planned_lines(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of a table, or the tests of a comparison, in the order of its csv.

    Each has its run keys, `table`, the labels `row` and `column`, `place` (its anchor on the table's page), `missing`
    and, for a test, `against`, the run keys of the other model.
    """
    cells = sorted(table["cells"], key=lambda cell: (cell["row"], cell["column"]))
    lines = [
        {
            **{key: cell[key] for key in (*RUN_KEYS, "run", "missing", "unit", "published", "published_text")},
            **cell["named"],
            "table": table["table"],
            "row": table["rows"][cell["row"]]["label"],
            "column": table["columns"][cell["column"]]["label"],
            "place": f"{cell['row'] + 1}-{cell['column'] + 1}",
        }
        for cell in cells
    ]
    if table["kind"] != "comparison":
        return lines
    width = len(table["columns"])
    pairs = [(lines[i - i % width], other) for i, other in enumerate(lines) if i % width]
    return [
        model | {"against": other, "column": f"{model['column']} against {other['column']}", "place": f"{number}-1"}
        for number, (model, other) in enumerate(pairs, start=1)
    ]


def _matches(line: Line, selector: Mapping[str, Any]) -> bool:
    return all(line[key] in (value if isinstance(value, list) else [value]) for key, value in selector.items())


def cases_of(claim: Mapping[str, Any], lines: Sequence[Line]) -> list[Case]:
    """Return the cases of a claim among the cells of its tables.

    A cell without data that the paper does not print either belongs to no claim.
    """
    known = [line for line in lines if not (line["missing"] and line["published"] is None and "against" not in line)]
    known = [line for line in known if _matches(line, claim["where"])]
    kind = claim["kind"]
    if kind == "significant":
        chosen = [line for line in known if _matches(line, claim["a"]) and _matches(line["against"], claim["b"])]
        return [Case(_run_keys(line) | {"against": line["against"]["model"]}, (line,)) for line in chosen]
    if kind == "within":
        chosen = [line for line in known if line["published"] is not None and _matches(line, claim.get("a", {}))]
        return [Case(_run_keys(line), (line,)) for line in chosen]
    named = set(claim["over"]) if kind == "similar" else {key for _, s in _roles(claim) for key in s}
    free = [key for key in RUN_KEYS if key not in named]
    groups: dict[tuple[str, ...], list[Line]] = {}
    for line in known:
        groups.setdefault(tuple(line[key] for key in free), []).append(line)
    cases = []
    for keys, members in _by_row(claim, [(dict(zip(free, v, strict=True)), lines) for v, lines in groups.items()]):
        parts = [_unique(line for line in members if _matches(line, selector)) for _, selector in _roles(claim)]
        if kind == "lower":
            several = [key for key, value in claim["a"].items() if isinstance(value, list)]
            cases += [
                Case(keys | {key: first[key] for key in several}, (first, *parts[1])) for first in parts[0] if parts[1]
            ]
            continue
        shown = [line for part in parts for line in part]  # a paper may leave out a step of an order
        if len(shown) > 1:
            cases.append(Case(keys, tuple(shown)))
    return cases


def _by_row(
    claim: Mapping[str, Any], groups: Iterable[tuple[dict[str, str], list[Line]]]
) -> Iterator[tuple[dict[str, str], list[Line]]]:
    """Part the groups whose runs all stand in the same several rows of one table: a row is another value of them."""
    for keys, members in groups:
        places: dict[str, set[tuple[str, str]]] = {}
        for line in members:
            if any(_matches(line, selector) for _, selector in _roles(claim)):
                places.setdefault(line["run"], set()).add((line["table"], line["row"]))
        rows = next(iter(places.values()), set())
        if len(rows) > 1 and all(each == rows for each in places.values()) and len({table for table, _ in rows}) == 1:
            for row in dict.fromkeys(line["row"] for line in members):
                yield keys | {"row": row}, [line for line in members if line["row"] == row]
        else:
            yield keys, members


def _run_keys(line: Line) -> dict[str, str]:
    return {key: line[key] for key in RUN_KEYS}


def _roles(claim: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    if claim["kind"] == "ordering":
        return [("order", selector) for selector in claim["order"]]
    return [(key, claim.get(key, {})) for key in (("a", "b") if claim["kind"] == "lower" else ("a",))]


def _unique(lines: Iterator[Line]) -> list[Line]:
    """Return the first line of each run: a run may stand in several tables."""
    return list({line["run"]: line for line in reversed(list(lines))}.values())[::-1]


def decide(claim: Mapping[str, Any], case: Case, value: Callable[[Line], float | str]) -> Outcome:
    """Decide one case.

    Args:
        claim: The claim.
        case: One of `cases_of`.
        value: Gives the number of a cell, or says in a word why it has none that decides.
    """
    found = [value(line) for line in case.lines]
    reasons = [number for number in found if isinstance(number, str)]
    known = [number for number in found if not isinstance(number, str)]
    if claim["kind"] == "lower" and isinstance(found[0], str):
        known = []
    elif claim["kind"] == "within" and known:
        known.append(case.lines[0]["published"])
    fewest = 1 if claim["kind"] == "significant" else 2
    if len(known) < fewest:
        return Outcome(None, None, ", ".join(dict.fromkeys(reasons)))
    true, number = DECIDE[claim["kind"]](claim, known)
    if true and reasons:  # what is known may refute a case, but bears it out only if all is known
        return Outcome(None, number, ", ".join(dict.fromkeys(reasons)))
    return Outcome(true, number)


def _change(error: float, other: float) -> float:
    """Return the change of an error against another in per cent; infinite against an error of 0."""
    if not other:
        return 0.0 if not error else math.inf
    return 100 * (error / other - 1)


def _decide_lower(claim: Mapping[str, Any], errors: Sequence[float]) -> tuple[bool, float]:
    change = _change(errors[0], min(errors[1:]))
    return (change < 0 and -change >= claim.get("percent", 0)), change


def _decide_within(claim: Mapping[str, Any], errors: Sequence[float]) -> tuple[bool, float]:
    change = _change(errors[0], errors[1])
    return abs(change) <= claim["percent"], change


def _decide_ordering(claim: Mapping[str, Any], errors: Sequence[float]) -> tuple[bool, float]:
    sign = 1 if claim["direction"] == "rising" else -1
    steps = (sign * (after - before) > 0 for before, after in pairwise(errors))
    return all(steps), _change(errors[-1], errors[0])


def _decide_similar(claim: Mapping[str, Any], errors: Sequence[float]) -> tuple[bool, float]:
    change = _change(max(errors), min(errors))
    return change <= claim["percent"], change


def _decide_significant(claim: Mapping[str, Any], p_values: Sequence[float]) -> tuple[bool, float]:
    return p_values[0] < claim["level"], p_values[0]


DECIDE: dict[str, Callable[[Mapping[str, Any], Sequence[float]], tuple[bool, float]]] = {
    "lower": _decide_lower,
    "within": _decide_within,
    "ordering": _decide_ordering,
    "similar": _decide_similar,
    "significant": _decide_significant,
}


def sum_up(claim: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Verdict:
    """Return the verdict over the cases of a claim: all must be true, or `at_least` as many as it says."""
    true = sum(outcome.true is True for outcome in outcomes)
    unknown = [outcome for outcome in outcomes if outcome.true is None]
    needed = claim.get("at_least", len(outcomes))
    reasons = tuple(dict.fromkeys(outcome.reason for outcome in unknown if outcome.reason))
    if not outcomes or len(outcomes) < needed:
        return Verdict(OPEN, true, len(outcomes), len(unknown), needed, reasons)
    word = HOLDS if true >= needed else FAILS if true + len(unknown) < needed else OPEN
    return Verdict(word, true, len(outcomes), len(unknown), needed, reasons)


def printed_value(line: Line) -> float | str:
    """Return the published value of a cell."""
    return NO_RESULT if line["published"] is None else float(line["published"])
