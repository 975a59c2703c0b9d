"""Claims of a paper, declared in its study over the cells of its tables, and their verdicts.

A claim names cells by what their runs are (dataset, property, representation, model, protocol). Cells that agree in all
keys that the claim leaves open belong together and are one case of it. A case is true, false or open; a claim holds if
enough cases are true, does not hold if too few can be, and is otherwise not testable.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elemflow.config.dataset import Dataset
from elemflow.config.load import Settings
from elemflow.core.errors import ConfigError, nearest
from elemflow.core.run import RUN_KEYS
from elemflow.plan.build import Plan
from elemflow.plan.claim_kinds.base import Case, Line, matches
from elemflow.plan.claim_kinds.registry import claim_kinds
from elemflow.plan.published import margin_of

HOLDS, FAILS, OPEN, UNDECIDED = "holds", "does not hold", "not testable", "undecided"
NO_RESULT, NO_DATA, FAILED, DECLINED = "no result", "no data", "failed", "declined by its model"
REDUCED, LARGER, FEW_MEMBERS = "reduced scale", "more materials than in the paper", "too few members"
HIGHER_IS_BETTER = ("r2",)
OF_KINDS = ("a", "b", "order", "direction", "over", "percent")


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
        word: `holds`, `does not hold`, `undecided` (results are there, but their intervals do not decide) or
            `not testable`.
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
        study = settings.studies[study_id].written
        tables = {table: planned.parameters() for (of, table), planned in plan.tables.items() if of == study_id}
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
                "dataset_titles": {dataset: settings.datasets[dataset].title for dataset in sorted(datasets)},
                "same_materials": find_same_materials(settings.datasets, datasets),
                "tables": {table: cfg for table, cfg in tables.items() if table in used},
            }
    return found


def find_same_materials(datasets: Mapping[str, Dataset], chosen: Iterable[str]) -> list[list[str]]:
    """Return the groups of datasets with the same materials: one source, read and curated alike, by several names."""
    groups: dict[str, list[str]] = {}
    for dataset in sorted(chosen):
        groups.setdefault(datasets[dataset].materials_key(), []).append(dataset)
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
        if not any(matches(line, selector) for line in lines):
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
    known = claim_kinds()[kind]
    for key in known.needs:
        if key not in claim:
            raise ConfigError(f"{where}': a claim of kind {kind} needs the key '{key}'.")
    for key in OF_KINDS:
        if key in claim and key not in (*known.needs, *known.may):
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
    needed = claim_kinds()[kind].table
    if tables[table]["kind"] != needed:
        raise ConfigError(
            f"{where}: a claim of kind {kind} reads tables of kind {needed}, and '{table}' is of kind "
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
            "margin": _margin(cell, cells),
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


def _margin(cell: Mapping[str, Any], cells: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the largest difference from the published value of a cell that counts as none."""
    if cell["published"] is None:
        return None
    return margin_of(
        cell["published"], cell["published_text"], (each["published"] for each in cells if each["row"] == cell["row"])
    )


def cases_of(claim: Mapping[str, Any], lines: Sequence[Line]) -> list[Case]:
    """Return the cases of a claim among the cells of its tables.

    A cell without data that the paper does not print either belongs to no claim.
    """
    known = [line for line in lines if not (line["missing"] and line["published"] is None and "against" not in line)]
    known = [line for line in known if matches(line, claim["where"])]
    return claim_kinds()[claim["kind"]].cases(claim, known)


def decide(claim: Mapping[str, Any], case: Case, value: Callable[[Line], float | str]) -> Outcome:
    """Decide one case.

    Args:
        claim: The claim.
        case: One of `cases_of`.
        value: Gives the number of a cell, or says in a word why it has none that decides.
    """
    found = [value(line) for line in case.lines]
    reasons = [number for number in found if isinstance(number, str)]
    kind = claim_kinds()[claim["kind"]]
    known = kind.decisive(case, found)
    if len(known) < kind.fewest:
        return Outcome(None, None, ", ".join(dict.fromkeys(reasons)))
    true, number = kind.decide(claim, known)
    if true and reasons:  # what is known may refute a case, but bears it out only if all is known
        return Outcome(None, number, ", ".join(dict.fromkeys(reasons)))
    return Outcome(true, number)


def sum_up(claim: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Verdict:
    """Return the verdict over the cases of a claim: all must be true, or `at_least` as many as it says."""
    true = sum(outcome.true is True for outcome in outcomes)
    unknown = [outcome for outcome in outcomes if outcome.true is None]
    needed = claim.get("at_least", len(outcomes))
    reasons = tuple(dict.fromkeys(outcome.reason for outcome in unknown if outcome.reason))
    if not outcomes or len(outcomes) < needed:
        return Verdict(OPEN, true, len(outcomes), len(unknown), needed, reasons)
    undecided = UNDECIDED if set(reasons) == {UNDECIDED} else OPEN
    word = HOLDS if true >= needed else FAILS if true + len(unknown) < needed else undecided
    return Verdict(word, true, len(outcomes), len(unknown), needed, reasons)


def printed_value(line: Line) -> float | str:
    """Return the published value of a cell."""
    return NO_RESULT if line["published"] is None else float(line["published"])
