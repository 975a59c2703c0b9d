"""What the pages of claims show: each claim with its verdicts, its cases and the cells that decide them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from elemflow.config.study import Claim, Selector
from elemflow.core.errors import DataError
from elemflow.plan import claims
from elemflow.plan.claim_kinds.base import ClaimKind, ClaimWords
from elemflow.plan.claims import PlannedClaims
from elemflow.plan.items import PlannedTable
from elemflow.reporting import comparability
from elemflow.reporting import text as words
from elemflow.reporting.claims_evaluated import (
    Evaluated,
    describe_range,
    describe_verdict,
    evaluate_published,
    key_of,
    show_number,
)
from elemflow.reporting.paired import MATERIALS, SPLITS, PairedErrors
from elemflow.reporting.tables.base import load_builder
from elemflow.reporting.tables.kinds.comparison import ComparisonLine
from elemflow.reporting.tables.kinds.errors import ErrorLine
from elemflow.reporting.tables.kinds.quantities import QuantityLine
from elemflow.reporting.view import NO_VALUE, NOT_RUN

OfCsv = ErrorLine | ComparisonLine | QuantityLine
"""Lines of the tables that claims are about."""
SIGNS = {True: "✓", False: "✗", None: "?"}


@dataclass(frozen=True, kw_only=True)
class FoundLine(claims.Line):
    """A cell of a claim with its line of the csv."""

    found: OfCsv

    @classmethod
    def of(cls, line: claims.Line, found: OfCsv) -> Self:
        """Return a cell with its line of the csv."""
        return cls(**vars(line), found=found)


Case = claims.Case[FoundLine]


@dataclass(frozen=True)
class ClaimCell:
    """A cell behind a case.

    Attributes:
        label: What distinguishes it from the other cells of the case.
        href: Link to its table; empty if there is none.
        published: Published value.
        reproduced: Reproduced value, or why there is none.
        table: Id of its table.
        row: Label of its row.
        column: Label of its column.
        run: Path of its run.
        published_text: Value as printed; None if it is not.
        value: Reproduced value; None if there is none.
        scale: See `comparability.RunScale`.
        reduced_by: See `comparability.RunScale`.
    """

    label: str
    href: str
    published: str
    reproduced: str
    table: str
    row: str
    column: str
    run: str
    published_text: str | None
    value: float | None
    scale: str | None
    reduced_by: str | None


@dataclass(frozen=True)
class ClaimCase:
    """A case of a claim.

    Attributes:
        label: Keys in which the cases differ.
        outcome: Whether it supports the claim.
        number: What decides it; None if nothing is known.
        number_text: The same as shown.
        published_text: The same of the published values.
        cells: The cells behind it.
    """

    label: str
    outcome: claims.Outcome
    number: float | None
    number_text: str
    published_text: str
    cells: tuple[ClaimCell, ...]

    @property
    def sign(self) -> str:
        """Return a check mark, a cross or a question mark."""
        return SIGNS[self.outcome.true]


@dataclass(frozen=True)
class ClaimView:
    """A claim as its page shows it.

    Attributes:
        id: Id of the claim.
        study: Id of its study.
        text: The claim.
        source: Where the paper makes it.
        note: Reservation.
        rule: What is checked, in words.
        reproduced: The claim on the reproduced values.
        published: The claim on the published values; None if it is not testable there.
        cases: Its cases.
    """

    id: str
    study: str
    text: str
    source: str
    note: str
    rule: str
    reproduced: Evaluated
    published: Evaluated | None
    cases: tuple[ClaimCase, ...]

    @property
    def published_text(self) -> str:
        """Return the verdict on the published values in words."""
        return self.published.text if self.published else NO_VALUE

    @property
    def published_numbers(self) -> str:
        """Return the range of what decides of the published values."""
        return self.published.numbers if self.published else NO_VALUE


@dataclass(frozen=True)
class StudyClaims:
    """The claims of a study.

    Attributes:
        study: Id of the study.
        title: Its title.
        reference: The paper.
        model_selection: How the paper selected its models.
        summary: Numbers of verdicts in a sentence.
        claims: Its claims.
    """

    study: str
    title: str
    reference: str
    model_selection: str
    summary: str
    claims: tuple[ClaimView, ...]


def view_claims(
    planned: PlannedClaims, csv: Mapping[str, str | Path], folders: Mapping[str, Path], *, linked: bool
) -> StudyClaims:
    """Evaluate every claim of a study and arrange what its page shows.

    Args:
        planned: The claims of the study.
        csv: The csv of each table that a claim is about.
        folders: Folder of each run whose predictions are at hand, by its path, for paired tests.
        linked: Whether cells link to the pages of the tables.

    Raises:
        DataError: The csv of a table is not that of the plan.
    """
    lines = {name: _read_lines(table, csv[name]) for name, table in planned.tables.items()}
    paired = PairedErrors(folders)
    shown = tuple(
        _view(planned, claim_id, claim, lines, paired, linked=linked) for claim_id, claim in planned.claims.items()
    )
    return StudyClaims(
        study=planned.study,
        title=planned.study_title,
        reference=planned.reference,
        model_selection=planned.model_selection,
        summary=_summary(shown),
        claims=shown,
    )


def _summary(shown: Sequence[ClaimView]) -> str:
    found = [claim.reproduced.verdict.word for claim in shown]
    words_of = (claims.HOLDS, claims.FAILS, claims.UNDECIDED, claims.OPEN)
    holds, fails, undecided, is_open = (found.count(word) for word in words_of)
    return (
        f"Of {len(found)} claims, {holds} hold, {fails} do not hold, {undecided} are undecided and {is_open} are not "
        "testable here."
    )


def _read_lines(planned: PlannedTable, csv: str | Path) -> list[FoundLine]:
    """Return the cells of a table with their lines of its csv."""
    found: list[OfCsv] = load_builder(planned.kind).read(csv)
    lines = claims.planned_lines(planned)
    runs = [(line.run, line.against.run if line.against else None) for line in lines]
    if runs != [(line.run, getattr(line, "against_run", None)) for line in found]:
        raise DataError(f"{csv}: its cells are not those of the study; make the table again.")
    return [FoundLine.of(line, of_csv) for line, of_csv in zip(lines, found, strict=True)]


def _value(claim: Claim, line: FoundLine) -> float | str:
    """Return the reproduced error, or the p value of a test that the claim reads, or why there is none."""
    found = line.found
    if _is_counted(line):
        return float(line.counted or 0)
    if line.missing or found.missing:
        return claims.NO_DATA
    value = _number(claim, found)
    if not found.members or (value is None and not _needs_members(claim, found)):
        known = {claims.FAILED: claims.FAILED, f"{NOT_RUN}:": claims.DECLINED}
        return next(
            (reason for start, reason in known.items() if (found.note or "").startswith(start)), claims.NO_RESULT
        )
    return claims.FEW_MEMBERS if value is None else value


def _needs_members(claim: Claim, found: OfCsv) -> bool:
    """Return whether what a claim reads of a line is over several members: a p value or a standard deviation."""
    return isinstance(found, ComparisonLine) or claims.kind_of(claim).column == "spread_percent"


def _is_counted(line: FoundLine) -> bool:
    """Return whether no run gives the parameters of a network, so that its declaration does."""
    return line.counted is not None and not line.found.members


def _number(claim: Claim, found: OfCsv) -> float | None:
    """Return what a line of a table gives to a claim: a p value, or the column that its kind reads."""
    if isinstance(found, ComparisonLine):
        return _p_value(claim, found)
    number: float | None = getattr(found, claims.kind_of(claim).column)
    return number


def _p_value(claim: Claim, test: ComparisonLine) -> float | None:
    """Return the p value of the corrected test, adjusted for all tests of its table unless the claim says otherwise."""
    return test.p_corrected if claim.adjusted is False else test.p_holm_corrected


def _deciding_value(claim: Claim, line: FoundLine) -> float | str:
    """Return the value, unless it decides nothing: at a reduced scale, or on more data where the paper is repeated."""
    value, scale = _value(claim, line), line.found.scale
    if isinstance(value, str) or line.counted is not None:  # parameters are those of any scale
        return value
    if scale == comparability.REDUCED:
        return claims.REDUCED
    if claim.kind != "reproduced":
        return value
    if scale == comparability.LARGER:
        return claims.LARGER
    undecided = isinstance(line.found, ErrorLine) and line.found.verdict == claims.UNDECIDED
    return claims.UNDECIDED if undecided else value


def _deciding_value_in(claim: Claim, case: Case) -> Callable[[FoundLine], float | str]:
    """Return what gives the values of a case; times of training on unlike devices decide nothing."""
    found = [line.found for line in case.lines]
    devices = {
        each.device for each in found if isinstance(each, QuantityLine) and each.quantity.startswith("training_time")
    }
    if len(devices - {None}) > 1:
        return lambda line: value if isinstance(value := _value(claim, line), str) else claims.UNLIKE_DEVICES
    return partial(_deciding_value, claim)


@dataclass
class _PairedTests:
    """Paired tests of the cells of one claim.

    Attributes:
        paired: Errors of the runs.
        over: What the interval of each pair of runs is over.
    """

    paired: PairedErrors
    over: dict[frozenset[str], str] = field(default_factory=dict)

    def interval(self, line: FoundLine, other: FoundLine, factor: float) -> tuple[float, float] | None:
        """Return the interval of the error of a cell minus a multiple of that of another; None for other metrics."""
        if getattr(line.found, "metric", "") != "mae" or getattr(other.found, "metric", "") != "mae":
            return None
        found = self.paired.interval(line.run, other.run, factor)
        if found is None:
            return None
        self.over[frozenset((line.run, other.run))] = found.over
        return found.low, found.high

    def describe(self) -> list[str]:
        """Return in a sentence what the intervals are over; nothing without any."""
        over = list(self.over.values())
        counts = [f"{over.count(name)} over {name}" for name in (SPLITS, MATERIALS) if name in over]
        return [f"Intervals of paired differences: {', '.join(counts)}."] if counts else []


def _view(
    planned: PlannedClaims,
    claim_id: str,
    claim: Claim,
    lines: Mapping[str, Sequence[FoundLine]],
    paired: PairedErrors,
    *,
    linked: bool,
) -> ClaimView:
    if claim.missing:
        verdict = claims.Verdict(claims.OPEN, 0, 0, 0, 0, (claim.missing,))
        reproduced = Evaluated(verdict, describe_verdict(verdict), NO_VALUE)
        return ClaimView(claim_id, planned.study, claim.text, claim.source, claim.note, "", reproduced, None, ())
    titles = planned.dataset_titles
    mine = [line for table in claim.tables for line in lines[table]]
    cases = claims.cases_of(claim, mine)
    tests = _PairedTests(paired)
    outcomes = [claims.decide(claim, case, _deciding_value_in(claim, case), tests.interval) for case in cases]
    verdict = claims.sum_up(claim, outcomes)
    printed = evaluate_published(claim, mine, planned.quoted.get(claim_id))
    numbers = {} if printed is None else printed[1]
    return ClaimView(
        id=claim_id,
        study=planned.study,
        text=claim.text,
        source=claim.source,
        note=" ".join(
            filter(None, [claim.note, *_describe_same(cases, planned.same_materials, titles), *tests.describe()])
        ),
        rule=_describe_rule(claim, verdict),
        reproduced=Evaluated(
            verdict, describe_verdict(verdict), describe_range(claim, [outcome.number for outcome in outcomes])
        ),
        published=None if printed is None else printed[0],
        cases=tuple(
            _view_case(claim, case, outcome, numbers, label=_label(case, cases, titles), linked=linked)
            for case, outcome in zip(cases, outcomes, strict=True)
        ),
    )


def _view_case(
    claim: Claim,
    case: Case,
    outcome: claims.Outcome,
    published: Mapping[str, float | None],
    *,
    label: str,
    linked: bool,
) -> ClaimCase:
    number = claims.decide(claim, case, partial(_value, claim)).number
    return ClaimCase(
        label=label,
        outcome=outcome,
        number=number,
        number_text=show_number(claim, number),
        published_text=show_number(claim, published.get(key_of(case))),
        cells=tuple(_view_cell(claim, line, case, linked=linked) for line in case.lines),
    )


def _describe_same(cases: Iterable[Case], groups: Iterable[Sequence[str]], titles: Mapping[str, str]) -> list[str]:
    """Return which datasets of a claim are one set under several names: its cases are no independent evidence."""
    named = {line.named.dataset for case in cases for line in case.lines}
    shared = [[titles[dataset] for dataset in group if dataset in named] for group in groups]
    return [
        f"Here {' and '.join(one)} are the same materials: their cases are one piece of evidence."
        for one in shared
        if len(one) > 1
    ]


def _describe_rule(claim: Claim, verdict: claims.Verdict) -> str:
    """Return in words what is checked."""
    described = ClaimWords(
        a=_describe_selector(claim.a),
        b=_describe_selector(claim.b),
        order=", then ".join(_describe_selector(selector) for selector in claim.order or ()),
        over=" or ".join(claim.over or ()),
        direction=claim.direction or "",
        percent=claim.percent or 0,
        level=claim.level,
        adjusted=claim.adjusted is not False,
    )
    rule = claims.kind_of(claim).sentence(described)
    return rule if verdict.needed == verdict.cases else f"{rule}, in {verdict.needed} of {verdict.cases} cases or more"


def _describe_selector(selector: Selector | None) -> str:
    return " with ".join(", ".join(values) for values in selector.values.values()) if selector else ""


def _label(case: Case, cases: Sequence[Case], titles: Mapping[str, str]) -> str:
    """Return the keys in which the cases differ, or the data of a case if there is one."""
    differing = [key for key in case.keys if len({other.keys.get(key) for other in cases}) > 1]
    chosen = {key: case.keys[key] for key in differing} or {
        key: case.lines[0].key(key) for key in ("dataset", "property")
    }
    return " · ".join(titles.get(v, v) if k == "dataset" else v.replace("_", " ") for k, v in chosen.items())


def _view_cell(claim: Claim, line: FoundLine, case: Case, *, linked: bool) -> ClaimCell:
    sides = (line.row, {each.row for each in case.lines}), (line.column, {each.column for each in case.lines})
    differing = [text for text, texts in sides if len(texts) > 1]
    value, counted = _value(claim, line), _is_counted(line)
    return ClaimCell(
        label=", ".join(differing or [line.column]),
        href=f"{line.table}.html#{line.place}" if linked else "",
        published=line.published_text or NO_VALUE,
        reproduced=f"{value:,.0f} (counted)" if counted else _show_value(claim, value, line.found),
        table=line.table,
        row=line.row,
        column=line.column,
        run=line.run,
        published_text=line.published_text,
        value=None if isinstance(value, str) else value,
        scale=None if counted else line.found.scale,
        reduced_by=None if counted else line.found.reduced_by,
    )


def _show_value(claim: Claim, value: float | str, found: OfCsv) -> str:
    if isinstance(value, str):
        return value
    if isinstance(found, ComparisonLine):
        other = found.p_holm_corrected
        adjusted = "" if other is None or other == value else f" (adjusted {other:.2g})"
        shown = f"p = {value:.2g}{adjusted}"
    elif claims.kind_of(claim).column != ClaimKind.column:
        shown = show_number(claim, value)
    else:
        decimals = words.count_decimals(value, found.published)
        known = found.spread if isinstance(found, ErrorLine) else None
        spread = "" if known is None else f" ± {words.format_number(known, decimals)}"
        shown = words.format_number(value, decimals) + spread
    return f"{shown} {comparability.mark_of(found.scale)}".rstrip()
