"""Formulas that a mistyped one may stand for: a zero for oxygen, letters of the wrong case, a one or an I for an l."""

import itertools
import re
from collections.abc import Iterator
from functools import partial

from elemflow.chemistry.composition import ELEMENTS_86, amounts, canonical, parse_formula
from elemflow.chemistry.formula_text import has_variable_number, phase_label
from elemflow.chemistry.oxidation_states import ALL_STATES, is_neutral

MOST_SUGGESTIONS = 2
"""Most formulas that are proposed for one."""
LONGEST = 60
"""Longer texts are no mistyped formulas."""
MOST_LETTERS = 12
"""Longest run of letters that is divided into symbols again."""

_SYMBOLS = frozenset(ELEMENTS_86) | {"He", "Ne", "Ar"}
_ZERO_FOR_OXYGEN = re.compile(
    r"(?<=[A-Za-z)\]}])0(?=[1-9])"  # an amount that begins with zero, SiO02 or (PO4)02
    r"|(?<=[A-Za-z)\]}][1-9])0(?=[1-9](?![0-9.]))"  # one between two amounts, Fe203
)
_CARBON_IODINE = re.compile(r"CI(?![a-z])")
_CARBIDES_AND_CARBON_IV = {**ALL_STATES, "C": (-4, 4)}
"""Oxidation states as `ALL_STATES`, without those of carbon by which almost any formula is neutral."""
_LARGE_AMOUNT = re.compile(r"[1-9][0-9]")
"""Of an alloy such as Mg891Sm109, whose zeros are meant; looked for where the zeros are replaced."""
_LOOKALIKES = (("1", "l"), ("I", "l"), ("|", "l"), ("l", "1"), ("0", "O"), ("o", "O"), (",", "."))
"""Characters that are taken for one another, and what they may be meant for."""
_FRACTION = re.compile(r"([0-9]+)/([0-9]+)")
_STATE = re.compile(r"\((?:s|l|g|aq|cr|am)\)$")
_LETTERS = re.compile(r"[A-Za-z]+")


def suspicious(formula: str) -> str | None:
    """Return what a readable formula may be meant for, or None.

    Suspicious are a zero between two amounts, Fe203 for Fe2O3, and carbon before iodine where chlorine in their place,
    a capital I for a small l, makes the formula charge-neutral and they do not: NaCI, but neither CI4 nor H3CI.

    Args:
        formula: Any text.
    """
    meant = (_with_oxygen(formula) or formula) if "0" in formula else formula
    if "CI" in meant:
        meant = _with_chlorine(meant) or meant
    return None if meant == formula else meant


def hint(formula: str) -> str | None:
    """Return what to tell the user about a suspicious formula, or None."""
    meant = suspicious(formula)
    if meant is None:
        return None
    if len(_CARBON_IODINE.findall(formula)) == len(_CARBON_IODINE.findall(meant)):
        return f"{formula}: did you mean {meant}?"
    return f"{formula}: read as {', '.join(parse_formula(formula))}; did you mean {meant}, with a small l?"


def _with_oxygen(formula: str) -> str | None:
    """Return a formula with oxygen for the zeros between amounts; None if it has none, or they may be meant."""
    meant = _ZERO_FOR_OXYGEN.sub("O", formula)
    return meant if meant != formula and not _LARGE_AMOUNT.search(meant) and _is_formula(meant) else None


def _with_chlorine(formula: str) -> str | None:
    """Return a formula with chlorine for carbon and iodine if it is charge-neutral so, and only so."""
    meant = _CARBON_IODINE.sub("Cl", formula)
    if meant == formula or not _is_formula(formula) or not is_neutral(amounts(canonical(meant))):
        return None
    return None if is_neutral(amounts(canonical(formula)), _CARBIDES_AND_CARBON_IV) else meant


def suggestions(formula: str) -> list[str]:
    """Return at most `MOST_SUGGESTIONS` readable formulas that a text may stand for, the likeliest first.

    Args:
        formula: A text that is no formula, or a suspicious one.
    """
    text = formula.strip()
    # The n of ·nH2O is no nitrogen, and the C14 of a phase no chlorine: the reasons say what to write.
    if len(text) > LONGEST or has_variable_number(text) or phase_label(text):
        return []
    found = (_with_chlorine(each) or each for each in _corrections(text) if each != text and _is_formula(each))
    return list(itertools.islice(dict.fromkeys(found), MOST_SUGGESTIONS))


def did_you_mean(formula: str) -> str:
    """Return ` Did you mean Fe2O3?` for a mistyped formula, advice on fractions and states of matter, or nothing."""
    if fraction := _FRACTION.search(formula):
        amount = int(fraction[1]) / int(fraction[2]) if int(fraction[2]) else 0.0
        return f" Write a decimal amount, {amount:.4f} for {fraction[0]}."
    if state := _STATE.search(formula):
        return f" Leave out the state of matter, {state[0]}."
    found = suggestions(formula)
    return f" Did you mean {' or '.join(found)}?" if found else ""


def recased(formula: str) -> list[str]:
    """Return other formulas that a text is with letters of another case, the likeliest first: Cu2O for CU2O."""
    return [each for each in dict.fromkeys(_recased(formula.strip())) if each != formula and _is_formula(each)]


def _corrections(text: str) -> Iterator[str]:
    """Yield texts with one kind of mistake corrected, then with letters of another case."""
    if meant := suspicious(text):
        yield meant
    for wrong, meant_for in _LOOKALIKES:
        for place in (match.start() for match in re.finditer(re.escape(wrong), text)):
            yield text[:place] + meant_for + text[place + 1 :]
    yield from _recased(text)
    if meant:
        yield from _recased(meant)


def _recased(text: str) -> Iterator[str]:
    """Yield a text whose letters are divided into symbols of elements, whatever their case."""
    runs = [match.group() for match in _LETTERS.finditer(text)]
    if not runs or max(map(len, runs)) > MOST_LETTERS:
        return
    between = _LETTERS.split(text)
    choices = [sorted(_symbols(run), key=partial(_changes, run)) for run in runs]
    for chosen in itertools.islice(itertools.product(*choices), MOST_SUGGESTIONS * 4):
        pieces = itertools.zip_longest(between, ("".join(symbols) for symbols in chosen), fillvalue="")
        yield "".join(itertools.chain.from_iterable(pieces))


def _symbols(letters: str) -> Iterator[tuple[str, ...]]:
    """Yield the ways to divide letters into symbols of elements."""
    if not letters:
        yield ()
    for length in (2, 1):
        symbol = letters[:length].capitalize()
        if len(letters) >= length and symbol in _SYMBOLS:
            yield from ((symbol, *others) for others in _symbols(letters[length:]))


def _changes(letters: str, symbols: tuple[str, ...]) -> tuple[int, int]:
    """Return how many letters change their case, and how many symbols there are: the fewer, the likelier."""
    return sum(a != b for a, b in zip("".join(symbols), letters, strict=True)), len(symbols)


def _is_formula(text: str) -> bool:
    try:
        canonical(text)
    except ValueError:
        return False
    return True
