"""Claims of a paper, declared in its study over the cells of its tables, and their verdicts.

A claim names cells by what their runs are (dataset, property, representation, model, protocol). Cells that agree in all
keys that the claim leaves open belong together and are one case of it. A case is true, false or open; a claim holds if
enough cases are true, does not hold if too few can be, and is otherwise not testable.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from elemflow.config.dataset import Dataset
from elemflow.config.load import Settings
from elemflow.config.study import Claim, Selector, Study
from elemflow.core.declared import Declared, Parameters
from elemflow.core.errors import ConfigError, nearest
from elemflow.core.run import Run
from elemflow.plan.build import Plan
from elemflow.plan.claim_kinds.base import Case, ClaimKind, Inequality, L, Line, select
from elemflow.plan.claim_kinds.registry import claim_kinds
from elemflow.plan.items import PlannedCell, PlannedTable
from elemflow.plan.published import PublishedIndex, find_quoted

HOLDS, FAILS, OPEN, UNDECIDED = "holds", "does not hold", "not testable", "undecided"
NO_RESULT, NO_DATA, FAILED, DECLINED = "no result", "no data", "failed", "declined by its model"
REDUCED, LARGER, FEW_MEMBERS = "reduced scale", "more materials than in the paper", "too few members"
UNLIKE_DEVICES = "trained on unlike devices"
HIGHER_IS_BETTER = ("r2",)
UNITS = {"percent": "%", "count": ""}
"""How pages write units of the csv."""
OF_KINDS = ("a", "b", "order", "direction", "over", "percent", "adjusted")


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


class PlannedClaims(Declared):
    """What the page of claims of a study shows.

    Attributes:
        study: Id of the study.
        study_title: Its title.
        reference: The paper.
        model_selection: How the paper selected its models.
        claims: Its claims, by id.
        dataset_titles: Names of the datasets of their cells, by id.
        same_materials: Groups of datasets with the same materials.
        quoted: Numbers that claims quote as parts of printed errors, by claim and dataset.
        tables: The tables that they are about, by id.
    """

    study: str
    study_title: str
    reference: str = ""
    model_selection: str = ""
    claims: dict[str, Claim]
    dataset_titles: dict[str, str]
    same_materials: tuple[tuple[str, ...], ...]
    quoted: dict[str, dict[str, float]] = Field(default={})
    tables: dict[str, PlannedTable]

    def parameters(self) -> Parameters:
        """Return the claims as the parameter of the job that evaluates them."""
        return self.model_dump(mode="json", exclude_unset=True)

    def lines_of(self, claim: Claim) -> list[Line]:
        """Return the cells of the tables of a claim."""
        return [line for table in claim.tables for line in planned_lines(self.tables[table])]


def build(settings: Settings, plan: Plan) -> dict[str, PlannedClaims]:
    """Return what the page of claims of each study shows, for the studies that have claims.

    Raises:
        ConfigError: A claim lacks a key, names a table that the study has not, or cells that its tables have not.
    """
    studies = ((study_id, settings.studies[study_id]) for study_id in settings.selected)
    return {study_id: _plan(settings, plan, study_id, study) for study_id, study in studies if study.claims}


def _plan(settings: Settings, plan: Plan, study_id: str, study: Study) -> PlannedClaims:
    tables = {table: planned for (of, table), planned in plan.tables.items() if of == study_id}
    lines: dict[str, list[Line]] = {}
    place = f"config/studies/{study_id}.yaml: key 'claims."
    for claim_id, claim in study.claims.items():
        if not claim.missing:
            _check(claim, tables, lines, f"{place}{claim_id}")
    quoted = {
        name: _parts_of_errors(plan.published, study_id, claim, datasets_of(claim, lines), f"{place}{name}.quotes'")
        for name, claim in study.claims.items()
        if not claim.missing and claim.quotes and kind_of(claim).of_quotes
    }
    used = {table for claim in study.claims.values() if not claim.missing for table in claim.tables}
    datasets = sorted({cell.named.dataset for table in used for cell in tables[table].cells if cell.named})
    return PlannedClaims(
        study=study_id,
        study_title=study.title,
        reference=study.reference,
        model_selection=study.model_selection,
        claims={
            name: _with_quotes(plan.published, study_id, claim, f"{place}{name}")
            for name, claim in study.claims.items()
        },
        dataset_titles={dataset: settings.datasets[dataset].title for dataset in datasets},
        same_materials=tuple(map(tuple, find_same_materials(settings.datasets, datasets))),
        tables={table: planned for table, planned in tables.items() if table in used},
        **({"quoted": quoted} if quoted else {}),
    )


def datasets_of(claim: Claim, lines: Mapping[str, Sequence[Line]]) -> set[str]:
    """Return the datasets of the cells of a claim, as the study names them.

    Args:
        claim: The claim.
        lines: The cells of its tables, by table.
    """
    return {line.named.dataset for table in claim.tables for line in lines[table]}


def _parts_of_errors(
    published: PublishedIndex, study: str, claim: Claim, datasets: set[str], where: str
) -> dict[str, float]:
    """Return the numbers that a claim quotes, by dataset.

    Raises:
        ConfigError: A number is of no dataset of the claim, so that it is no part of a printed error.
    """
    found: dict[str, float] = {}
    for question, values in published.items():
        if question.study != study or question.property not in claim.quotes:
            continue
        if question.dataset not in datasets:
            raise ConfigError(
                f"{where}: '{question.property}' of published_other.csv has the dataset '{question.dataset}', and a "
                f"claim of kind {claim.kind} sets it against the printed error of {' or '.join(sorted(datasets))}."
            )
        found[question.dataset] = values[0].value
    return found


def _with_quotes(published: PublishedIndex, study: str, claim: Claim, where: str) -> Claim:
    """Return a claim whose source shows the numbers that the text prints for it."""
    if not claim.quotes:
        return claim
    found = [find_quoted(published, study, name, f"{where}.quotes'") for name in claim.quotes]
    printed = ", ".join(f"{value.text} {UNITS.get(value.unit, value.unit)}".strip() for value in found)
    return claim.model_copy(update={"source": f"{claim.source} (prints {printed})"})


def find_same_materials(datasets: Mapping[str, Dataset], chosen: Iterable[str]) -> list[list[str]]:
    """Return the groups of datasets with the same materials: one source, read and curated alike, by several names."""
    groups: dict[str, list[str]] = {}
    for dataset in sorted(chosen):
        groups.setdefault(datasets[dataset].materials_key(), []).append(dataset)
    return [group for group in groups.values() if len(group) > 1]


def _check(claim: Claim, tables: Mapping[str, PlannedTable], lines_of: dict[str, list[Line]], where: str) -> None:
    """Check a claim against its tables; `lines_of` keeps their lines for the next claim."""
    kind = _check_keys(claim, where)
    for table in claim.tables:
        _check_table(kind, table, tables, f"{where}.tables'")
        if table not in lines_of:
            lines_of[table] = planned_lines(tables[table])
    lines = [line for table in claim.tables for line in lines_of[table]]
    if claim.kind == "significant":
        _check_values(claim.b, [line.against for line in lines if line.against], f"{where}.b")
    for key, selector in _selectors(claim):
        _check_values(selector, lines, f"{where}.{key}")
        if not select(lines, selector):
            shown = ", ".join(f"{name}: {' or '.join(values)}" for name, values in selector.values.items())
            raise ConfigError(f"{where}.{key}': no cell of {', '.join(claim.tables)} has {shown}.")
    cases, needed = len(cases_of(claim, lines)), claim.at_least or 1
    if cases < needed and not all(line.missing for line in select(lines, claim.where)):
        raise ConfigError(
            f"{where}.at_least': {needed} cases must be true, but the tables have {cases}. A case is a set of cells "
            "that agree in all keys that the claim does not name."
        )


def _check_keys(claim: Claim, where: str) -> str:
    """Return the kind of a claim, which has the keys of its kind and no others."""
    kind = claim.kind or ""
    known = claim_kinds()[kind]
    for key in known.needs:
        if getattr(claim, key) is None:
            raise ConfigError(f"{where}': a claim of kind {kind} needs the key '{key}'.")
    for key in OF_KINDS:
        if getattr(claim, key) is not None and key not in (*known.needs, *known.may):
            raise ConfigError(f"{where}.{key}': a claim of kind {kind} does not read this key; remove it.")
    return kind


def _check_values(selector: Selector | None, lines: Sequence[Line], where: str) -> None:
    """Check that every value that a selector names is that of a cell, also one among several."""
    for key, values in selector.values.items() if selector else ():
        known = dict.fromkeys(line.key(key) for line in lines)
        for name in values:
            if name not in known:
                raise ConfigError(
                    f"{where}.{key}': no cell of the claim's tables has '{name}'. Known: {', '.join(known)}."
                    f"{nearest(name, known)}"
                )


def _check_table(kind: str, table: str, tables: Mapping[str, PlannedTable], where: str) -> None:
    if table not in tables:
        raise ConfigError(f"{where}: no table '{table}'. Known: {', '.join(tables)}.{nearest(table, tables)}")
    needed = claim_kinds()[kind].table
    if tables[table].kind != needed:
        raise ConfigError(
            f"{where}: a claim of kind {kind} reads tables of kind {needed}, and '{table}' is of kind "
            f"{tables[table].kind}."
        )
    if tables[table].metric in HIGHER_IS_BETTER:
        raise ConfigError(f"{where}: claims are about errors, and '{table}' shows {tables[table].metric}.")


def _selectors(claim: Claim) -> Iterator[tuple[str, Selector]]:
    yield "where", claim.where
    own = [("a", claim.a), ("b", None if claim.kind == "significant" else claim.b)]
    own += [(f"order[{i}]", selector) for i, selector in enumerate(claim.order or ())]
    yield from ((key, selector.within(claim.where)) for key, selector in own if selector is not None)


def planned_lines(table: PlannedTable) -> list[Line]:
    """Return the cells of a table, or the tests of a comparison, in the order of its csv."""
    lines = [_line(table, cell) for cell in table.ordered_cells]
    if table.kind != "comparison":
        return lines
    width = len(table.columns)
    pairs = [(lines[i - i % width], other) for i, other in enumerate(lines) if i % width]
    return [
        replace(model, against=other, column=f"{model.column} against {other.column}", place=f"{number}-1")
        for number, (model, other) in enumerate(pairs, start=1)
    ]


def _line(table: PlannedTable, cell: PlannedCell) -> Line:
    read = Run.of(cell)
    return Line(
        named=replace(read, dataset=cell.named.dataset, property=cell.named.property) if cell.named else read,
        run=cell.run,
        table=table.table,
        row=table.rows[cell.row].label,
        column=table.columns[cell.column].label,
        place=f"{cell.row + 1}-{cell.column + 1}",
        missing=cell.missing,
        published=cell.published,
        published_text=cell.published_text,
        margin=cell.margin,
        reproduces=cell.reproduces,
        counted=cell.counted,
    )


def cases_of(claim: Claim, lines: Sequence[L]) -> list[Case[L]]:
    """Return the cases of a claim among the cells of its tables.

    A cell without data that the paper does not print either belongs to no claim.
    """
    known = [line for line in lines if not (line.missing and line.published is None and line.against is None)]
    return kind_of(claim).cases(claim, select(known, claim.where))


def kind_of(claim: Claim) -> ClaimKind:
    """Return the kind of a claim that has data."""
    return claim_kinds()[claim.kind or ""]


def decide(
    claim: Claim,
    case: Case[L],
    value: Callable[[L], float | str],
    interval: Callable[[L, L, float], tuple[float, float] | None] | None = None,
) -> Outcome:
    """Decide one case.

    Args:
        claim: The claim.
        case: One of `cases_of`.
        value: Gives the number of a cell, or says in a word why it has none that decides.
        interval: Gives the interval of the error of a cell minus a multiple of that of another, for paired tests; None
            where the two are not of the same test materials. Without it the numbers decide by themselves.
    """
    kind = kind_of(claim)
    lines, found = kind.narrow(case, [value(line) for line in case.lines])
    reasons = [number for number in found if isinstance(number, str)]
    known = kind.decisive(case, found)
    if len(known) < kind.fewest:
        return Outcome(None, None, ", ".join(dict.fromkeys(reasons)))
    true, number = kind.decide(claim, known)
    if interval and _is_undecided(true, kind.inequalities(claim, len(lines)), lines, found, interval):
        return Outcome(None, number, UNDECIDED)
    if true and reasons:  # what is known may refute a case, but bears it out only if all is known
        return Outcome(None, number, ", ".join(dict.fromkeys(reasons)))
    return Outcome(true, number)


def _is_undecided(
    true: bool,
    needed: Sequence[Inequality],
    lines: Sequence[L],
    found: Sequence[float | str],
    interval: Callable[[L, L, float], tuple[float, float] | None],
) -> bool:
    """Return whether an interval holds zero, so that the sampling of the test set may be all that decides.

    One inequality that is refuted decides a case, whatever the others say. A case is undecided too if the intervals
    contradict the errors themselves, as they can where one run has more splits than the other.
    """
    known = [each for each in needed if not isinstance(found[each.low], str) and not isinstance(found[each.high], str)]
    ends = [interval(lines[each.low], lines[each.high], each.factor) for each in known]
    tested = [each for each in ends if each is not None]
    if any(low > 0 for low, _ in tested):
        return true
    return any(high >= 0 for _, high in tested) or (not true and 0 < len(tested) == len(needed))


def sum_up(claim: Claim, outcomes: Sequence[Outcome]) -> Verdict:
    """Return the verdict over the cases of a claim: all must be true, or `at_least` as many as it says."""
    true = sum(outcome.true is True for outcome in outcomes)
    unknown = [outcome for outcome in outcomes if outcome.true is None]
    needed = claim.at_least or len(outcomes)
    reasons = tuple(dict.fromkeys(outcome.reason for outcome in unknown if outcome.reason))
    if not outcomes or len(outcomes) < needed:
        return Verdict(OPEN, true, len(outcomes), len(unknown), needed, reasons)
    undecided = UNDECIDED if set(reasons) == {UNDECIDED} else OPEN
    word = HOLDS if true >= needed else FAILS if true + len(unknown) < needed else undecided
    return Verdict(word, true, len(outcomes), len(unknown), needed, reasons)


def printed_value(line: Line) -> float | str:
    """Return the published value of a cell, or the parameters that the network of the cell has."""
    known = line.counted if line.published is None else line.published
    return NO_RESULT if known is None else known


def printed_part(quoted: Mapping[str, float], line: Line) -> float | str:
    """Return the number that is quoted of the dataset of a cell, in per cent of the published error."""
    part = quoted.get(line.named.dataset)
    return NO_RESULT if part is None or not line.published else 100 * part / line.published
