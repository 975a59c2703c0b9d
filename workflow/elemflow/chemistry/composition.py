"""Chemical formulas: parsing, canonical reduced form, and the 86 elements of the papers.

Two formulas name the same material if their canonical forms are equal; strings are never compared. The parser
is our own because every stage needs it for 10^5 to 10^6 formulas and pymatgen is slow to import and to call, and
because a damaged formula must be rejected with a reason instead of being read as something else.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm

from elemflow.chemistry.formula_text import (
    CLOSING,
    DOT,
    SEPARATOR,
    normalised,
    phase_label,
    unknown_element,
    unreadable,
    wrong_brackets,
    wrong_comma,
    zero_amount,
)

_BY_ATOMIC_NUMBER = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr "
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu "
    "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr "
    "Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
)
SYMBOLS: tuple[str, ...] = tuple(_BY_ATOMIC_NUMBER.split())
"""The 118 elements in the order of their atomic numbers, from 1."""

ELEMENTS_86: tuple[str, ...] = tuple(
    symbol for symbol in SYMBOLS[:94] if symbol not in {"He", "Ne", "Ar", "Po", "At", "Rn", "Fr", "Ra"}
)
"""Elements of the elemental-fraction input, in column order: Z = 1 to 94 without He, Ne, Ar, Po, At, Rn, Fr, Ra.

Jha et al., Sci. Rep. 8, 17593 (2018), section Methods, and the papers that build on it.
"""

_KNOWN = frozenset(SYMBOLS)
LONGEST_FORMULA = 1_000
"""Most characters of a formula: some patterns take a time that grows with the square of the length."""
_PLAIN = re.compile(r"(?:[A-Z][a-z]?(?:[1-9][0-9]*)?)+")
_PLAIN_TOKEN = re.compile(r"([A-Z][a-z]?)([0-9]*)")
_TOKEN = re.compile(r"(?P<symbol>[A-Z][a-z]?)|(?P<open>[(\[{])|(?P<close>[)\]}])")
_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_POWER_OF_TEN = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE][-+]?[0-9]+")  # 9e-05, as programs write small numbers
_DECIMALS = re.compile(r"\.([0-9]+)")
_HYDRATE = re.compile(r"[0-9]\.[0-9]+[(\[{]?(?:H2O1?|OH2|NH3)[)\]}]?1?$")  # or an ammine, NiCl2.6NH3
_OXIDATION_STATE = re.compile(r"\((?:I{1,3}|IV|VI{0,3})\)")  # Sn(IV)O2; or the label of a phase, SiO2(II)
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)"
_DATE = re.compile(rf"[0-9]{{1,4}}[-/ ]{_MONTH}(?:[-/ ][0-9]+)?|{_MONTH}[-/ ][0-9]+|[0-9]+[-/][0-9]+[-/][0-9]+")
_DOT_OR_POINT = re.compile(r"(?<![0-9.])(?P<amount>[0-9]+)\.(?P<number>[1-9]|1[0-2])(?=[A-Z(\[{])")
_LAST_SYMBOL = re.compile(r"(?:(?P<symbol>[A-Z][a-z]?)|[)\]}])$")
_ALLOY_DESIGNATION = re.compile(r"[A-Z][a-z]?(?:-[0-9.]+[A-Z][a-z]?)+")
_NON_METALS = frozenset(["H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "Te", "I"])

EXACT_DECIMALS = 3
"""Decimal amounts with at most this many decimals are taken as written; longer ones as rounded."""

MOST_DECIMALS = 9
"""Longer amounts are rounded to so many decimals: 0.30000000000000004, noise of binary numbers, is read as 0.3."""

_NOISY = re.compile(rf"[0-9]+\.[0-9]{{{MOST_DECIMALS + 1},}}")

MOST_ROUNDED = Decimal("1e-6")
"""Largest relative change by that rounding; an amount that would change more is taken as written."""
LARGEST_AMOUNT = 10**6
"""Largest amount of an element in a canonical formula; with a larger one it is rounded to millionths of its atoms."""

LARGEST_MULTIPLE = 1000
"""Largest number of formula units tried when a rounded amount is traced back to integers."""

LARGEST_POWER_OF_TEN = 30
"""Largest exponent of an amount such as 9e-05, either way; beyond it no amount of a material lies."""


def parse_formula(text: str) -> dict[str, Fraction]:
    """Read a chemical formula.

    Amounts may be integers or decimals, brackets (round, square, curly) may be nested, and spaces may separate the
    elements. Decimals, rounded to `MOST_DECIMALS` where that changes little, follow one rule: if no amount of the
    formula has more than `EXACT_DECIMALS` of them (zeros at the end do not count), all are exact. Otherwise every
    decimal is a number rounded to the longest given length, and the amounts become the fractions of the smallest
    common denominator, up to `LARGEST_MULTIPLE`, that round to the given digits; if there is none, the decimals are
    used as they are. So `O0.555600Pr0.222200Pt0.222200` is read as O 5/9, Pr 2/9, Pt 2/9. Where digits leave a
    choice the simplest formula is taken: `Mg0.9933Eu0.0067` is read as Mg148Eu, though Mg149Eu has the same digits.

    Amounts as programs write them (`9e-05`), subscripts and full-width characters are read like plain digits. Two
    compounds may be joined by a middle dot or an asterisk (`CuSO4·5H2O`), or by a full stop without digits on both
    sides (`Li2O.2B2O3`, `Al2O3.SiO2`). `Al2O3.2SiO2` may mean two things and is refused;
    `Bi2Sr2.2CaCu2O8`, where a metal precedes the dot, has a decimal.

    Args:
        text: A formula such as `Fe2O3`, `Ca3(PO4)2` or `Hg0.7Cd0.3Te`.

    Returns:
        Amount of each element, in the order in which the elements first appear.

    Raises:
        ValueError: The text is not a formula; the message says why.
    """
    return {symbol: Fraction(amount) for symbol, amount in _parse(text).items()}


def canonical(formula: str) -> str:
    """Return the reduced integer formula with the elements in alphabetical order.

    The amount 1 is omitted: `Fe4O6` gives `Fe2O3`, `Na3N` gives `NNa3`, `NaN` (sodium nitride) gives `NNa`.

    A composition whose whole numbers exceed `LARGEST_AMOUNT`, as those of alloys with impurities, is rounded to
    millionths of its atoms. Each of its elements stays: less than half a millionth counts as one.

    Args:
        formula: Any formula that `parse_formula` reads.

    Returns:
        The canonical form, equal for two formulas exactly if they name the same composition.

    Raises:
        ValueError: The text is not a formula; the message says why.
    """
    return _reduced(_parse(formula))


def canonical_of(found: Mapping[str, Fraction]) -> str:
    """Return the canonical form of a composition.

    Args:
        found: Positive amount of each element, one at least.
    """
    return _reduced(dict(found))


def canonical_forms(
    formulas: Iterable[str], read: Callable[[str], str] = canonical
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the canonical form of each distinct formula, and the reason where there is none.

    Args:
        formulas: Formulas, repeated as often as they occur; each distinct one is read once.
        read: Reader of one formula.

    Returns:
        Canonical form by formula, and reason by formula that cannot be read.
    """
    forms: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for formula in dict.fromkeys(formulas):
        try:
            forms[formula] = read(formula)
        except ValueError as error:
            reasons[formula] = str(error)
    return forms, reasons


def amounts(composition: str) -> dict[str, int]:
    """Return the amount of each element of a canonical formula.

    Args:
        composition: What `canonical` returned; not checked again.
    """
    return {symbol: int(number or 1) for symbol, number in _PLAIN_TOKEN.findall(composition)}


def _parse(text: str) -> dict[str, int] | dict[str, Fraction]:
    if len(text) > LONGEST_FORMULA:
        raise ValueError(f"{len(text):,} characters are no formula")
    if not _PLAIN.fullmatch(text):
        return _parse_general(text)
    found: dict[str, int] = {}
    for symbol, number in _PLAIN_TOKEN.findall(text):
        if symbol not in _KNOWN:
            raise ValueError(unknown_element(symbol))
        found[symbol] = found.get(symbol, 0) + int(number or 1)
    return found


def _reduced(found: Mapping[str, int] | Mapping[str, Fraction]) -> str:
    common = lcm(*[amount.denominator for amount in found.values()])
    if common == 1:
        whole = {symbol: amount.numerator for symbol, amount in found.items()}
    else:
        whole = {symbol: amount.numerator * (common // amount.denominator) for symbol, amount in found.items()}
    divisor = gcd(*whole.values())
    if max(whole.values()) > LARGEST_AMOUNT * divisor:
        atoms = sum(whole.values())
        # Rounded half up in whole numbers, so that equal amounts stay equal.
        whole = {
            symbol: max((2 * LARGEST_AMOUNT * amount + atoms) // (2 * atoms), 1) for symbol, amount in whole.items()
        }
        divisor = gcd(*whole.values())
    return "".join(
        [symbol if amount == divisor else f"{symbol}{amount // divisor}" for symbol, amount in sorted(whole.items())]
    )


def _parse_general(text: str) -> dict[str, Fraction]:
    """Read a formula with brackets, decimals or mistakes."""
    formula = normalised(text)
    if not formula:
        raise ValueError("the formula is empty")
    if _DATE.fullmatch(formula):
        raise ValueError("looks like a formula that a spreadsheet program turned into a date")
    if state := _OXIDATION_STATE.search(formula):
        raise ValueError(
            f"{state.group()} may be an oxidation state, a phase or iodine and vanadium; write SnO2 for Sn(IV)O2, and "
            "the elements without brackets"
        )
    if reason := phase_label(text) or wrong_comma(formula, _is_readable):
        raise ValueError(reason)
    if _ALLOY_DESIGNATION.fullmatch(formula):
        raise ValueError(
            "looks like an alloy in weight per cent, such as Ti-6Al-4V; write atomic amounts, or declare weights"
        )
    formula = _with_brackets(_POWER_OF_TEN.sub(lambda number: _plain_decimal(number.group()), formula))
    formula = _NOISY.sub(lambda number: _rounded(number.group()), formula)
    decimals = max((len(digits.rstrip("0")) for digits in _DECIMALS.findall(formula)), default=0)
    if decimals > EXACT_DECIMALS:
        rational = _simplest(*_bounds(formula, Fraction(1, 2 * 10**decimals), text))
        if rational:
            return rational
    return _bounds(formula, Fraction(0), text)[0]


def _rounded(number: str) -> str:
    """Return a decimal at `MOST_DECIMALS`, or as it is where that would be zero."""
    shorter, exact = f"{Decimal(number):.{MOST_DECIMALS}f}", Decimal(number)
    return shorter if abs(Decimal(shorter) - exact) <= exact * MOST_ROUNDED else number


def _plain_decimal(number: str) -> str:
    """Return a number such as 9e-05 without its exponent."""
    _, _, power = number.lower().partition("e")
    if len(power) > 4 or abs(int(power)) > LARGEST_POWER_OF_TEN:  # noqa: PLR2004  digits of any exponent in range
        raise ValueError(f"{number} is no amount of an element in a material")
    return f"{Decimal(number):f}"


def _with_brackets(formula: str) -> str:
    """Return a formula of several compounds as one with brackets: CuSO4·5H2O as CuSO4(H2O)5."""
    explicit = SEPARATOR.search(formula)
    first, *others = SEPARATOR.split(formula) if explicit else DOT.split(formula)
    if explicit and not first:
        raise ValueError(f"there is no compound before {explicit.group()!r}")
    is_open = bool(others) and any(map(_has_open_bracket, (first, *others)))
    if is_open and explicit:  # the compounds would count once and not as often as the bracket
        raise ValueError(wrong_brackets(formula))
    if others and not explicit and (is_open or not all(map(_is_compound, (first, *others)))):
        raise ValueError(
            "a dot without digits on both sides; write Fe0.5Co0.5 for Fe.5Co.5, and brackets for compounds, CuSO4(H2O)5"
        )
    joined = [_unambiguous(first)]
    for other in others:
        number = _AMOUNT.match(other)
        rest = _unambiguous(other[number.end() :] if number else other)
        joined.append(f"({rest}){number.group() if number else ''}")
    return "".join(joined)


def _has_open_bracket(part: str) -> bool:
    """Return whether a bracket begins or ends in another part of the formula."""
    return sum(part.count(sign) for sign in CLOSING) != sum(part.count(sign) for sign in CLOSING.values())


def _unambiguous(compound: str) -> str:
    """Return a compound; raise if a decimal point in it may be the dot between two compounds."""
    if _HYDRATE.search(compound):
        raise ValueError(
            "the dot may be a decimal point or a hydrate's dot; write CuSO4(H2O)5 or CuSO4·5H2O for CuSO4.5H2O"
        )
    dots = [found for found in _DOT_OR_POINT.finditer(compound) if _may_join(compound, found)]
    if dots and len(dots) == len(_DECIMALS.findall(compound)):  # next to a plain decimal, Hg4As2.5InBr3.5, all are some
        joined, point = list(compound), list(compound)
        for found in dots:
            joined[found.end("amount")] = "·"
            point[found.end("number") - 1] += "00"
        raise ValueError(
            f"the dot may be a decimal point or separate two compounds; write {_with_brackets(''.join(joined))} or "
            f"{''.join(joined)}, or {''.join(point)} if it is a decimal point"
        )
    return compound


def _may_join(compound: str, dot: re.Match[str]) -> bool:
    """Return whether a dot between two digits may stand between two compounds.

    The first of two compounds that crystallise together ends with a non-metal, and nobody writes its amount if that is
    1: Bi2Sr2.2CaCu2O8 and Li1.5CoO2 have decimals.
    """
    last = _LAST_SYMBOL.search(compound, 0, dot.start())
    return bool(
        int(dot["amount"]) > 1
        and last
        and last["symbol"] in {None, *_NON_METALS}
        and _is_compound(compound[: dot.start()])
        and _is_compound(compound[dot.end() :])
    )


def _is_readable(text: str) -> bool:
    """Return whether a text is a formula."""
    try:
        _parse(text)
    except ValueError:
        return False
    return True


def _is_compound(text: str) -> bool:
    """Return whether a text names at least two elements."""
    return len({match["symbol"] for match in _TOKEN.finditer(text) if match["symbol"]}) > 1


def _bounds(formula: str, error: Fraction, written: str) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """Return the smallest and the largest amounts if every decimal number may be wrong by `error`.

    Args:
        formula: The formula, with brackets around each further compound.
        error: Largest error of a decimal number.
        written: The formula as the user wrote it, which messages quote.

    Raises:
        ValueError: The formula cannot be read.
    """
    stack: list[tuple[str, list[tuple[str, Fraction, Fraction]]]] = [("", [])]
    for kind, token, low, high in _tokens(formula, error, written):
        if kind == "open":
            stack.append((CLOSING[token], []))
            continue
        group = [(token, Fraction(1), Fraction(1))]
        if kind == "close":
            expected, group = stack.pop()
            if token != expected or not group:
                raise ValueError(wrong_brackets(written))
        stack[-1][1].extend((symbol, least * low, most * high) for symbol, least, most in group)
    if len(stack) > 1:
        raise ValueError(wrong_brackets(written))
    lowest: dict[str, Fraction] = {}
    highest: dict[str, Fraction] = {}
    for symbol, least, most in stack[0][1]:
        lowest[symbol] = lowest.get(symbol, Fraction(0)) + least
        highest[symbol] = highest.get(symbol, Fraction(0)) + most
    return lowest, highest


def _tokens(formula: str, error: Fraction, written: str) -> Iterator[tuple[str, str, Fraction, Fraction]]:
    """Yield kind, text and bounds of the amount of each element or bracket."""
    position = 0
    while position < len(formula):
        match = _TOKEN.match(formula, position)
        if not match:
            raise ValueError(unreadable(written))
        kind, token = match.lastgroup or "", match.group()
        if kind == "symbol" and token not in _KNOWN:
            raise ValueError(unknown_element(token))
        position = match.end()
        number = _AMOUNT.match(formula, position) if kind != "open" else None
        amount = Fraction(number.group()) if number else Fraction(1)
        if not amount:
            raise ValueError(zero_amount(token, written))
        slack = error if number and "." in number.group() else 0
        yield kind, token, amount - slack, amount + slack
        position = number.end() if number else position


def _simplest(low: dict[str, Fraction], high: dict[str, Fraction]) -> dict[str, Fraction] | None:
    """Return the fractions of smallest common denominator that lie within the bounds, None if there are none."""
    scale = lcm(*(bound.denominator for bounds in (low, high) for bound in bounds.values()))
    intervals = [(int(low[symbol] * scale), int(high[symbol] * scale)) for symbol in low]
    for multiple in range(1, LARGEST_MULTIPLE + 1):
        nearest = [(multiple * (least + most) + scale) // (2 * scale) for least, most in intervals]
        if all(
            multiple * least <= n * scale <= multiple * most
            for n, (least, most) in zip(nearest, intervals, strict=True)
        ):
            return {symbol: Fraction(n, multiple) for symbol, n in zip(low, nearest, strict=True)}
    return None
