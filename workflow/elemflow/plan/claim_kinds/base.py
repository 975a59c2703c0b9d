"""What all kinds of claim have in common."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from elemflow.config.study import Claim, Selector
from elemflow.core.run import RUN_KEYS, Run

ANY = Selector()
"""Selects every cell."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A cell of a table, or a test of a comparison.

    Attributes:
        named: The run as the study names it.
        run: Path of the run; its data may be another dataset's.
        table: Id of the table.
        row: Label of its row.
        column: Label of its column.
        place: Its anchor on the table's page.
        missing: Why there are no data; empty if there are.
        published: Published value; None if there is none.
        published_text: The same as printed.
        margin: Largest difference from the published value that counts as none; None if there is no value.
        reproduces: Whether the run repeats the published training; false where the printed error is of another model or
            quantity.
        counted: Parameters of a network by its declaration, in cells that show them; None elsewhere.
        against: Cell of the other model of a test; None if the line is no test.
    """

    named: Run
    run: str
    table: str = ""
    row: str = ""
    column: str = ""
    place: str = ""
    missing: str = ""
    published: float | None = None
    published_text: str | None = None
    margin: float | None = None
    reproduces: bool = True
    counted: int | None = None
    against: "Line | None" = None

    def key(self, key: str) -> str:
        """Return the value of a run key."""
        return str(getattr(self.named, key))


L = TypeVar("L", bound=Line)


@dataclass(frozen=True)
class ClaimWords:
    """The keys of a claim in words.

    Attributes:
        a: What `a` selects.
        b: What `b` selects.
        order: The steps of `order`.
        over: The keys of `over`.
        direction: How errors go along `order`.
        percent: Threshold in per cent; 0 if there is none.
        level: Threshold of the p value.
        adjusted: Whether the p value is adjusted for all tests of its table.
    """

    a: str
    b: str
    order: str
    over: str
    direction: str
    percent: float
    level: float
    adjusted: bool


@dataclass(frozen=True)
class Case(Generic[L]):
    """Cells that a claim compares.

    Attributes:
        keys: What they have in common, of the keys that the claim leaves open.
        lines: The cells, in the order that the claim gives them.
        choices: Number of cells, from the first on, of which the lowest counts.
    """

    keys: Mapping[str, str]
    lines: tuple[L, ...]
    choices: int = 1


@dataclass(frozen=True)
class Inequality:
    """One of the inequalities that make a case true: the error of a cell is below a multiple of that of another.

    Attributes:
        low: Place of the cell among those of the case.
        high: Place of the other one.
        factor: The multiple.
    """

    low: int
    high: int
    factor: float = 1.0


class ClaimKind:
    """A kind of claim; its module has an instance as `KIND`, and is named after it.

    Attributes:
        table: Kind of table that it reads.
        needs: Keys that a claim must have, besides those of every claim.
        may: Keys that it reads if they are given.
        column: Attribute of a line of the table's csv that decides; of a table of comparisons it is the p value.
        on_printed: Whether the papers print what decides, so that a claim can be evaluated on their own numbers.
        of_quotes: Whether what decides on the printed numbers is a number that the claim quotes of a dataset, in per
            cent of the printed error.
        fewest: Fewest values that decide a case.
        per_cent: Whether what decides is a percentage; a p value otherwise.
        is_change: Whether that percentage is a change, which has a sign.
    """

    table: ClassVar[str] = "errors"
    needs: ClassVar[tuple[str, ...]] = ()
    may: ClassVar[tuple[str, ...]] = ()
    column: ClassVar[str] = "reproduced"
    on_printed: ClassVar[bool] = True
    of_quotes: ClassVar[bool] = False
    fewest: ClassVar[int] = 2
    per_cent: ClassVar[bool] = True
    is_change: ClassVar[bool] = True

    @abstractmethod
    def decide(self, claim: Claim, numbers: Sequence[float]) -> tuple[bool, float]:
        """Return whether a case is true, and the number that decides."""

    @abstractmethod
    def sentence(self, words: ClaimWords) -> str:
        """Return what is checked, in words."""

    def inequalities(self, claim: Claim, cells: int) -> list[Inequality]:
        """Return what must hold between the errors of the cells of a case, for paired tests; none if nothing must.

        Args:
            claim: The claim.
            cells: Number of cells.
        """
        del claim, cells
        return []

    def narrow(self, case: Case[L], numbers: Sequence[float | str]) -> tuple[tuple[L, ...], tuple[float | str, ...]]:
        """Return the cells that decide a case with their numbers, or with why one is unknown: all of them."""
        return case.lines, tuple(numbers)

    def decisive(self, case: Case[L], numbers: Sequence[float | str]) -> list[float]:
        """Return the known numbers that a case is decided by; a text says why one is unknown."""
        del case
        return [number for number in numbers if not isinstance(number, str)]

    def roles(self, claim: Claim) -> list[Selector]:
        """Return the selectors of the cells of a case, in order."""
        return [claim.a or ANY]

    def named(self, claim: Claim) -> set[str]:
        """Return the run keys in which the cells of one case may differ."""
        return {key for selector in self.roles(claim) for key in selector.values}

    def cases(self, claim: Claim, lines: Sequence[L]) -> list[Case[L]]:
        """Return the cases among the cells that a claim is about: cells that agree in all keys that it leaves open."""
        free = [key for key in RUN_KEYS if key not in self.named(claim)]
        groups: dict[tuple[str, ...], list[L]] = {}
        for line in lines:
            groups.setdefault(tuple(line.key(key) for key in free), []).append(line)
        roles = self.roles(claim)
        return [
            case
            for keys, members in by_row(roles, [(dict(zip(free, v, strict=True)), each) for v, each in groups.items()])
            for case in self.cases_of_group(claim, keys, [unique(select(members, selector)) for selector in roles])
        ]

    def cases_of_group(self, claim: Claim, keys: Mapping[str, str], found: Sequence[Sequence[L]]) -> Iterator[Case[L]]:
        """Yield the cases among cells that agree in all open keys.

        Args:
            claim: The claim.
            keys: The values of the open keys.
            found: The cells of each of `roles`.
        """
        del claim
        shown = [line for lines in found for line in lines]  # a paper may drop a step of an order
        if len(shown) > 1:
            yield Case(keys, tuple(shown))


class OfOneCell(ClaimKind):
    """Base class of the kinds whose cases are single cells, decided by a percentage."""

    needs = ("percent",)
    may = ("a",)
    on_printed = False
    fewest = 1

    def cases(self, claim: Claim, lines: Sequence[L]) -> list[Case[L]]:
        """Return a case for each cell."""
        return [Case(line.named.keys(), (line,)) for line in select(lines, claim.a or ANY)]


def select(lines: Iterable[L], selector: Selector) -> list[L]:
    """Return the cells that have the values that a selector names."""
    wanted = selector.values.items()
    return [line for line in lines if all(line.key(key) in values for key, values in wanted)]


def by_row(
    roles: Sequence[Selector], groups: Iterable[tuple[dict[str, str], list[L]]]
) -> Iterator[tuple[dict[str, str], list[L]]]:
    """Part the groups whose runs all stand in the same several rows of one table: a row is another value of them."""
    for keys, members in groups:
        places: dict[str, set[tuple[str, str]]] = {}
        for line in (line for selector in roles for line in select(members, selector)):
            places.setdefault(line.run, set()).add((line.table, line.row))
        rows = next(iter(places.values()), set())
        if len(rows) > 1 and all(each == rows for each in places.values()) and len({table for table, _ in rows}) == 1:
            for row in dict.fromkeys(line.row for line in members):
                yield keys | {"row": row}, [line for line in members if line.row == row]
        else:
            yield keys, members


def unique(lines: Iterable[L]) -> list[L]:
    """Return the first line of each run: a run may stand in several tables."""
    return list({line.run: line for line in reversed(list(lines))}.values())[::-1]


def change(error: float, other: float) -> float:
    """Return the change of an error against another in per cent; infinite against an error of 0."""
    if not other:
        return 0.0 if not error else math.inf
    return 100 * (error / other - 1)
