"""Formulas: what they mean, what is refused and why, and the laws the canonical form keeps."""

import re
from ast import literal_eval
from fractions import Fraction
from math import gcd

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elemflow.chemistry.composition import ELEMENTS_86, SYMBOLS, amounts, canonical, canonical_forms, parse_formula

compositions = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 300), min_size=1, max_size=7)


def written(composition: dict[str, int]) -> str:
    return "".join(f"{symbol}{amount}" for symbol, amount in composition.items())


def test_elements_of_the_papers() -> None:
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 118
    assert len(ELEMENTS_86) == 86
    assert ELEMENTS_86[:9] == ("H", "Li", "Be", "B", "C", "N", "O", "F", "Na")
    assert ELEMENTS_86[-7:] == ("Bi", "Ac", "Th", "Pa", "U", "Np", "Pu")
    assert {"Kr", "Xe"} <= set(ELEMENTS_86)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("Fe4O6", "Fe2O3"),
        ("Na3N", "NNa3"),
        ("NaN", "NNa"),
        ("CO", "CO"),
        ("Co", "Co"),
        ("O2", "O"),
        ("CH3COOH", "CH2O"),
        ("Al2 Fe1 O4", "Al2FeO4"),
        ("Ca3(PO4)2", "Ca3O8P2"),
        ("{K3[Fe(CN)6]}2", "C6FeK3N6"),
        ("Hg0.7Cd0.3Te", "Cd3Hg7Te10"),
        ("Na7.36Ga7.24Sn4.78Se24", "Ga362Na368Se1200Sn239"),
        ("Li1.0O2.0", "LiO2"),
    ],
)
def test_canonical(formula: str, expected: str) -> None:
    assert canonical(formula) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("O0.555600Pr0.222200Pt0.222200", "O5Pr2Pt2"),
        ("Fe0.3333O0.6667", "FeO2"),
        ("Mg0.9933Eu0.0067", "EuMg148"),
        ("Fe0.6667O", "Fe2O3"),  # an amount without decimals is exact
        ("(Fe0.3333Co0.6667)2O3", "Co4Fe2O9"),
        ("Mn0.25Ni0.1875Pd0.3125Sn0.25", "Mn4Ni3Pd5Sn4"),
        ("Al0.333Ni0.667", "Al333Ni667"),  # three decimals are exact
        ("Al0.333000Ni0.667000", "Al333Ni667"),  # zeros at the end say nothing
    ],
)
def test_rounded_amounts(formula: str, expected: str) -> None:
    assert canonical(formula) == expected


def test_long_decimals_without_a_small_denominator_stay_exact() -> None:
    assert parse_formula("Fe0.12345671O") == {"Fe": Fraction("0.12345671"), "O": 1}


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("2-Feb", "spreadsheet"),
        ("Mar-03", "spreadsheet"),
        ("D2O", "deuterium"),
        ("LiT", "tritium"),
        ("G1128", "'G' is not an element"),
        ("XO2", "'X' is not an element"),
        ("Fe0", "zero"),
        ("Fe0.000O", "zero"),
        ("Fe2(O3)0", "zero"),
        ("FeO2-", "negative"),
        ("Fe2+", "charges"),
        ("(FeO", "missing"),
        ("FeO)2", "closes nothing"),
        ("(FeO]", "in place of"),
        ("Fe()O", "nothing inside"),
        ("Sn(IV)O2", r"\(IV\) may be an oxidation state"),
        ("SiO2(II)", r"\(II\) may be an oxidation state"),
        ("CuSO4.5H2O", "hydrate"),
        ("CuSO4.5(H2O)", "hydrate"),
        ("Mg(NO3)2.6[H2O]", "hydrate"),
        ("CuSO4.5H2O1", "hydrate"),
        ("CuSO4.5OH2", "hydrate"),
        ("NiCl2.6NH3", "hydrate"),
        ("Al2O3.2SiO2", r"write Al2O3\(SiO2\)2 or Al2O3·2SiO2, or Al2O3.200SiO2 if it is a decimal point"),
        ("CaCl2.2CH3OH", r"write CaCl2\(CH3OH\)2 or CaCl2·2CH3OH"),
        ("Al2O3.2SiO2.2CH3OH", r"write Al2O3\(SiO2\)2\(CH3OH\)2 or Al2O3·2SiO2·2CH3OH"),
        ("Al2O3.2SiO2.H2O", r"write Al2O3\(SiO2\)2"),
        ("Al2O3.2SiO2.2H2O", "hydrate"),
        ("Zn(NO3)2.3CuCl2", "separate two compounds"),
        ("CaSO4.0.5H2O", "hydrate"),
        ("Ca0,5Sr0,5TiO3", "decimal point: Ca0.5Sr0.5TiO3"),
        ("MgSO4,7H2O", "write a middle dot: MgSO4·7H2O$"),
        ("MgSO4, 7 H2O", "write a middle dot: MgSO4·7H2O$"),
        ("Ca0,5Sr0,5(OH)2,8(H2O)", r"write a middle dot: Ca0.5Sr0.5\(OH\)2·8\(H2O\)$"),
        ("CaSO4,0,5H2O", "write a middle dot: CaSO4·0.5H2O$"),
        ("CaCO3,H2O", "write a middle dot: CaCO3·H2O$"),
        ("Al2O3,2SiO2", "write a middle dot: Al2O3·2SiO2$"),
        ("K0,5H2O", "a comma in an amount; write a decimal point$"),
        (",H2O", "character ','"),
        ("La1-xSrxMnO3", "a variable such as x"),
        ("YBa2Cu3O7-x", "a variable such as x"),
        ("YBa2Cu3O7-δ", "a variable such as δ"),
        ("Fe2(SO4)3·nH2O", "^a variable such as n is no amount; write the number$"),
        ("Fe2(SO4)3 · n H2O", "^a variable such as n is no amount"),
        ("MgCl2·xH2O", "^a variable such as x is no amount; write the number$"),
        ("MgCl2.mH2O", "^a variable such as m is no amount"),
        ("CaCl2*y(NH3)", "^a variable such as y is no amount"),
        ("(C2H4)n", "^a variable such as n is no amount"),
        (
            "NiTi B2",
            "^'B2' at the end reads like the label of a phase: remove it, or write NiTiB2 .* if boron is meant$",
        ),
        ("Mg0.5Zn1.5\u00a0C14", "'C14' .* or write Mg0.5Zn1.5C14 without the space if carbon is meant$"),
        ("(Fe,Co)Ti B2", "label of a phase"),
        ("Ti-6Al-4V", "weight per cent"),
        ("Fe1Ni1e-99", "1e-99 is no amount"),
        ("Fe1Ni1e400", "1e400 is no amount"),
        ("Ru2.Y5", "without digits"),
        ("Fe.5O", "without digits"),
        ("Ba(Zr.2Ti.8)O3", "without digits on both sides"),
        ("NiCl2·6H2O (green)", r"^no element symbol at 'green\)'; symbols"),
        ("\u200b ＮiCl₂·6H₂O  (grün)", r"^no element symbol at 'grün\)'; symbols"),
        ("Fe1e-2·2Ni0.99+ ", r"charges are not part of a composition \(at '\+'\)"),
        ("FeO·SiO2]", "bracket ']' closes nothing"),
        ("FeO·[SiO2", "closing bracket ']' is missing"),
        ("FeO·(SiO2]", r"'\]' in place of '\)'"),
        ("K2[Fe(CN)6·3H2O]", "inside brackets"),
        ("(FeO·2SiO2)3", "inside brackets"),
        ("Ba(ZrO*2TiO2)O3", "inside brackets"),
        ("Ba(Zr.2Ti0.8)O3", "a dot without digits on both sides"),
        ("·5H2O", "no compound before '·'"),
        ("CuSO4·", "no compound behind '·'"),
        ("Fe2O3*", r"no compound behind '\*'"),
        ("FeO··2SiO2", "no compound behind '·'"),
        ("CuSO4·0H2O", "the amount behind '·' is zero"),
        ("Cu(OH)0·2H2O", r"the amount after '\)' is zero"),
        ("2H2O", "starts with a number"),
        ("nan", "capital letter"),
        ("fe2o3", "capital letter"),
        ("Fe 2", "character ' '"),
        ("Fe2,O3", "character ','"),
        ("Fe²", "character '²'"),
    ],
)
def test_refused_with_a_reason(formula: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        canonical(formula)


def test_distinct_formulas_are_read_once() -> None:
    forms, reasons = canonical_forms(["NaCl", "ClNa", "2-Feb", "NaCl"])
    assert forms == {"NaCl": "ClNa", "ClNa": "ClNa"}
    assert list(reasons) == ["2-Feb"]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("Fe₂O₃", "Fe2O3"),
        ("ＦｅＯ", "FeO"),
        ("Fe\u200b2O3", "Fe2O3"),
        ("Ca\u00a0TiO3", "CaO3Ti"),
        ("CuSO4·5H2O", "CuH10O9S"),
        ("CuSO4*5H2O", "CuH10O9S"),
        ("Li2O.2B2O3", "B4Li2O7"),
        ("KCl.MgCl2", "Cl3KMg"),
        ("Al2O3.SiO2", "Al2O5Si"),
        ("CaSO4·0.5H2O", "Ca2H2O9S2"),
        ("Al2O3·2SiO2·2H2O", "Al2H4O9Si2"),
        ("Hg4As2.5InBr3.5", "As5Br7Hg8In2"),  # one amount is a decimal, so that the other is too
        ("Bi2Sr2.2CaCu2O8", "Bi10Ca5Cu10O40Sr11"),  # no compound that ends with a metal crystallises with another
        ("La5Cu6.33O4S7", "Cu633La500O400S700"),  # no compound crystallises with 33 of another
        ("Li1.5CoO2", "Co2Li3O4"),
        ("Fe9e-05Ni0.99991", "Fe9Ni99991"),
        ("Fe1E-2Ni0.99", "FeNi99"),
        ("Al B2", "AlB2"),  # a label of a phase stands behind several elements without a space between them
        ("Ni Ti B2", "B2NiTi"),
        ("NiTi B5", "B5NiTi"),
        ("NiTi C2", "C2NiTi"),
        ("NiTi NB2", "B2NNiTi"),
        ("NiTiB2", "B2NiTi"),
    ],
)
def test_pasted_and_computed_texts_are_read(formula: str, expected: str) -> None:
    assert canonical(formula) == expected


def test_impurities_are_rounded_to_millionths_and_stay() -> None:
    assert canonical("Fe10000019O") == canonical("FeO1e-12") == "Fe1000000O"
    steel = amounts(canonical("Fe0.620C0.000953Nb0.0000616Co0.146"))
    assert sum(steel.values()) == pytest.approx(10**6, abs=2)
    assert steel["Nb"] == round(0.0000616 / 0.7670146 * 10**6)


@given(st.dictionaries(st.sampled_from(SYMBOLS), st.floats(1e-12, 1e6), min_size=1, max_size=12))
@example({"H": 1e-06, "He": 5.960464477539063e-08})
def test_any_positive_amounts_are_a_composition(composition: dict[str, float]) -> None:
    form = canonical("".join(f"{symbol}{amount!r}" for symbol, amount in composition.items()))
    found, total = amounts(form), sum(composition.values())
    assert set(found) == set(composition)
    assert max(found.values()) <= 10**6
    for symbol, amount in composition.items():
        # Half a millionth from rounding, and up to one for each of eleven elements that are kept.
        assert found[symbol] / sum(found.values()) == pytest.approx(amount / total, abs=1.3e-5)
    assert canonical(form) == form


@given(st.integers(1, 99), st.integers(1, 99))
def test_noise_of_binary_numbers_is_no_digit(first: int, second: int) -> None:
    rest = 1 - first / 100 - second / 100 if first + second < 100 else 0.1 + 0.2
    exact = Fraction(100 - first - second, 100) if first + second < 100 else Fraction(3, 10)
    written_by_program = f"Ba{first / 100}Sr{second / 100}O{rest}"
    expected = canonical(f"Ba{first}Sr{second}O{100 * exact}")
    assert canonical(written_by_program) == expected


COMPOUNDS = st.sampled_from(["Al2O3", "CaCl2", "Zn(NO3)2", "Fe2(SO4)3", "KCl", "NaAlSi3O8"])


@given(COMPOUNDS, st.integers(2, 12), st.sampled_from(["SiO2", "CH3OH", "H2O", "(NH4)2SO4", "CuCl2"]))
def test_a_full_stop_between_compounds_is_never_a_decimal_point_in_silence(first: str, number: int, other: str) -> None:
    expected = canonical(f"{first}({other}){number}")
    assert canonical(f"{first}·{number}{other}") == expected
    forms, reasons = canonical_forms([f"{first}.{number}{other}"])
    assert forms == {f"{first}.{number}{other}": expected} or "the dot may be a decimal point" in str(reasons)


@given(compositions, st.sampled_from(["B", "C"]), st.integers(1, 99))
def test_labels_of_phases_are_all_that_a_space_changes(composition: dict[str, int], symbol: str, number: int) -> None:
    text, last = written(composition), f"{symbol}{number}"
    labels = ["B1", "B2", "B3", "B4", "B8", "B19", "B20", "B35", "B81", "C1", "C3", "C14", "C15", "C36"]
    forms, reasons = canonical_forms([f"{text} {last}"])
    if last in labels and len(composition) > 1:
        assert "label of a phase" in reasons[f"{text} {last}"]
    else:
        assert forms == {f"{text} {last}": canonical(text + last)}


PIECES = [
    "Fe",
    "O",
    "H2O",
    "(SO4)",
    "2",
    "0.5",
    ".",
    "·",
    "*",
    "(",
    ")",
    "[",
    "]",
    " ",
    ",",
    "n",
    "g",
    "-",
    "1e-3",
    "₂",
    "\u200b",
]
QUOTED = re.compile(r"(?:at|character|bracket|behind) ('.*?'|\".*?\")(?:\)|;| is| closes|$)")


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("".join))
@example("NiCl2·6H2O (green)")
@example("Ba(Zr.2Ti.8)O3")
def test_messages_quote_what_was_written(text: str) -> None:
    _, reasons = canonical_forms([text])
    for reason in reasons.values():
        for quote in QUOTED.findall(reason.partition("closing")[0]):
            assert literal_eval(quote) in text


@given(compositions)
def test_round_trip(composition: dict[str, int]) -> None:
    form = canonical(written(composition))
    divisor = gcd(*composition.values())
    assert amounts(form) == {symbol: amount // divisor for symbol, amount in composition.items()}
    assert list(amounts(form)) == sorted(composition)
    assert canonical(form) == form


@given(compositions, st.integers(1, 50))
def test_scaling_changes_nothing(composition: dict[str, int], factor: int) -> None:
    scaled = {symbol: amount * factor for symbol, amount in composition.items()}
    assert (
        canonical(written(scaled)) == canonical(written(composition)) == canonical(f"({written(composition)}){factor}")
    )


@given(compositions.flatmap(lambda composition: st.tuples(st.just(composition), st.permutations(list(composition)))))
def test_order_changes_nothing(case: tuple[dict[str, int], list[str]]) -> None:
    composition, order = case
    assert canonical(written({symbol: composition[symbol] for symbol in order})) == canonical(written(composition))


@given(st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 20), min_size=2, max_size=4))
def test_fractions_rounded_to_four_digits_are_recovered(composition: dict[str, int]) -> None:
    """Different fractions of at most 80 atoms differ by more than rounding to six decimals can hide."""
    total = sum(composition.values())
    rounded = "".join(f"{symbol}{amount / total:.6f}" for symbol, amount in composition.items())
    assert canonical(rounded) == canonical(written(composition))


@given(st.text(alphabet="FeONaCD0123456789.()[]{}- ", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    forms, reasons = canonical_forms([text])
    if text in reasons:
        assert reasons[text]
    else:
        assert canonical(forms[text]) == forms[text]
        assert parse_formula(text).keys() == amounts(forms[text]).keys()


@pytest.mark.parametrize("text", ["Fe" + "1" * 100_000, "Fe1." + "1" * 100_000 + "x", "(" * 100_000, "Fe" * 100_000])
def test_a_text_that_is_too_long_for_a_formula_is_refused_at_once(text):
    with pytest.raises(ValueError, match=r"^[12]00,00[0-9] characters are no formula$"):
        canonical(text)
