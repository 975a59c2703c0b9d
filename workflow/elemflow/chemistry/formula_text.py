"""Formulas as people write them: characters and signs, and what to say of a text that cannot be read as one."""

import re
from collections.abc import Callable

NORMALISED = {
    **{ord("₀") + digit: str(digit) for digit in range(10)},
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width forms of ASCII
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"), ""),  # of no width
    **dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u3000"), " "),
    ord("．"): ".",
}
"""Characters of pasted text and what they stand for: Fe₂O₃, ＦｅＯ, and spaces that nobody sees."""

GAP = re.compile(r"\s+(?=[A-Z(\[{])")
SEPARATOR = re.compile(r"[·•∙⋅*]")
"""The sign between two compounds that crystallise together, CuSO4·5H2O."""
DOT = re.compile(r"(?<=[A-Za-z)\]}])\.(?=[0-9]*[A-Z(\[{])|(?<=[0-9])\.(?=[A-Z(\[{])")
"""The same as a full stop that is no decimal point."""
CLOSING = {"(": ")", "[": "]", "{": "}"}

_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_SYMBOL = re.compile(r"[A-Z][a-z]?")
_DECIMAL_COMMA = re.compile(r"[0-9],[0-9]")
_COMMA_BEFORE_HYDRATE = re.compile(r"(?<=[A-Za-z0-9)\]}]),\s*(?=(?:[0-9]+(?:[.,][0-9]+)?)?[(\[{]?(?:H2O|OH2|NH3))")
_COMMA_BEFORE_COMPOUND = re.compile(r",\s*(?=[0-9]*[A-Z(\[{])")
_VARIABLE = re.compile(r"[0-9)\]}A-Za-z](?:[-+±](?P<added>[xyzδ])|(?P<amount>[xyz])(?![a-z]))")
_VARIABLE_NUMBER = re.compile(r"[·•∙⋅*.]\s*(?P<before>[mnxyz])(?=\s*[A-Z(\[{])|[)\]}](?P<behind>n)(?![a-z])")
"""A number of molecules or units that is not given: Fe2(SO4)3·nH2O, (C2H4)n."""
_PHASE = re.compile(r"(?P<formula>\S+)\s+(?P<label>B(?:1|2|3|4|8|19|20|35|81)|C(?:1|3|14|15|36))")
"""A formula and a label of the Strukturbericht that can be read as boron or carbon."""
_HYDROGEN_ISOTOPES = {"D": "deuterium", "T": "tritium"}


def normalised(text: str) -> str:
    """Return a text in plain characters, without spaces around it and between elements."""
    return GAP.sub("", text.translate(NORMALISED).strip())


def has_variable_number(text: str) -> bool:
    """Return whether a text has a letter in place of a number of molecules, as n in Fe2(SO4)3·nH2O."""
    return bool(_VARIABLE_NUMBER.search(text))


def phase_label(text: str) -> str | None:
    """Return why a text is a formula with the label of a phase behind it, as NiTi B2 is; None if it is none.

    Args:
        text: A text. Only one with a single space and several elements before it counts: Al B2 is a formula.
    """
    found = _PHASE.fullmatch(text.translate(NORMALISED).strip())
    if not (found and len(set(_SYMBOL.findall(found["formula"]))) > 1):
        return None
    formula, label = found.groups()
    element = "boron" if label.startswith("B") else "carbon"
    return (
        f"{label!r} at the end reads like the label of a phase: remove it, or write {formula}{label} without the space "
        f"if {element} is meant"
    )


def wrong_comma(formula: str, is_readable: Callable[[str], bool]) -> str | None:
    """Return what to write for a comma in an amount or before the water of a hydrate; None if there is none.

    Args:
        formula: The formula.
        is_readable: Returns whether a text is a formula: only such are proposed.
    """
    hydrate = _COMMA_BEFORE_HYDRATE.search(formula)
    if not hydrate and not _DECIMAL_COMMA.search(formula):
        return None
    point = formula.replace(",", ".")
    # Before the number of molecules a point may belong to an amount, and would be refused.
    if not hydrate and is_readable(point):
        return f"a comma in an amount; write a decimal point: {point}"
    before = _COMMA_BEFORE_HYDRATE if hydrate else _COMMA_BEFORE_COMPOUND
    joined = before.sub("·", formula, count=1).replace(",", ".")
    if is_readable(joined):
        return f"a comma between two compounds; write a middle dot: {joined}"
    return "a comma in an amount; write a decimal point" if _DECIMAL_COMMA.search(formula) else None


def unknown_element(symbol: str) -> str:
    """Return why a symbol is no element."""
    if symbol in _HYDROGEN_ISOTOPES:
        return f"{symbol!r} ({_HYDROGEN_ISOTOPES[symbol]}) is an isotope; write H if isotopes may be merged"
    return f"{symbol!r} is not an element"


def zero_amount(counted: str, text: str) -> str:
    """Return which amount is zero.

    Args:
        counted: What it counts, as the parser has it: a symbol, or a bracket, also around a compound behind a dot.
        text: The formula as it was written.
    """
    joint = _joint(plain := normalised(text))
    zero = re.search(rf"(?P<sign>{joint})0+(?:\.0+)?(?![0-9.])", plain)
    if zero and counted == ")":
        return f"the amount behind {zero['sign']!r} is zero"
    return f"the amount after {counted!r} is zero"


def wrong_brackets(text: str) -> str:
    """Return what is wrong with the brackets of a formula, or with the signs between its compounds.

    Args:
        text: The formula as it was written, without the brackets that the parser sets around compounds.
    """
    plain, open_brackets = normalised(text), list[str]()
    for place, sign in enumerate(plain):
        if sign in CLOSING:
            open_brackets.append(sign)
        elif sign in CLOSING.values():
            expected = CLOSING[open_brackets.pop()] if open_brackets else ""
            if sign != expected:
                return f"bracket {sign!r} closes nothing" if not expected else f"{sign!r} in place of {expected!r}"
            if plain[place - 1] in CLOSING:
                return "there is a pair of brackets with nothing inside"
    if open_brackets:
        return f"closing bracket {CLOSING[open_brackets[-1]]!r} is missing"
    joint = _joint(plain)
    if alone := re.search(rf"(?P<sign>{joint})(?:{_NUMBER})?(?=$|{joint}|[)\]}}])", plain):
        return f"there is no compound behind {alone['sign']!r}"
    return "two compounds are joined by a dot or an asterisk inside brackets; write brackets around the second one"


def unreadable(text: str) -> str:
    """Return why a formula cannot be read, with the part of it from the first place that is none of a formula.

    Args:
        text: The formula as it was written.
    """
    plain = normalised(text)
    if number := _VARIABLE_NUMBER.search(plain):
        return f"a variable such as {number['before'] or number['behind']} is no amount; write the number"
    if variable := _VARIABLE.search(plain):
        return f"a variable such as {variable['added'] or variable['amount']} is no amount; write numbers"
    readable = rf"(?:(?:[A-Z][a-z]?|[)\]}}]|{_joint(plain)})(?:{_NUMBER})?|[(\[{{])*"
    position = len(found.group()) if (found := re.match(readable, plain)) else 0
    rest = _written_from(text, position)
    character = rest[:1]
    reasons = {
        "-+−": f"negative amounts and charges are not part of a composition (at {rest!r})",
        ".．": f"a dot without digits on both sides (at {rest!r}); write 0.5 for each .5",
    }
    for signs, reason in reasons.items():
        if character in signs:
            return reason
    if character.isdigit() and not position:
        return "the formula starts with a number instead of an element"
    if character.islower():
        return f"no element symbol at {rest!r}; symbols start with a capital letter"
    return f"character {character!r} is not part of a formula"


def _written_from(text: str, position: int) -> str:
    """Return what was written from a position of the normalised text on."""
    kept = [(place, sign) for place, given in enumerate(text) if (sign := given.translate(NORMALISED))]
    plain = "".join(sign for _, sign in kept)
    gaps = {place for gap in GAP.finditer(plain) for place in range(*gap.span())}
    gaps |= set(range(len(plain) - len(plain.lstrip())))
    places = [place for at, (place, _) in enumerate(kept) if at not in gaps]
    return text[places[position] :].rstrip()


def _joint(plain: str) -> str:
    """Return the pattern of what joins the compounds of a formula: full stops only where no other sign does."""
    return SEPARATOR.pattern if SEPARATOR.search(plain) else f"(?:{DOT.pattern})"
