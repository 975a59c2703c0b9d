"""Formulas read all at once have the amounts of formulas read one by one."""

from hypothesis import given
from hypothesis import strategies as st

from elemflow.chemistry.composition import SYMBOLS, amounts, canonical
from elemflow.chemistry.formula_arrays import element_amounts

FORMULAS = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 99), min_size=1, max_size=5).map(
    lambda held: canonical("".join(f"{symbol}{number}" for symbol, number in held.items()))
)


@given(st.lists(FORMULAS, min_size=1, max_size=8))
def test_amounts_are_those_of_the_single_formula(formulas):
    found = element_amounts(formulas)
    expected = [(row, symbol, number) for row, name in enumerate(formulas) for symbol, number in amounts(name).items()]
    symbols = [SYMBOLS[number - 1] for number in found.numbers]
    assert list(zip(found.rows.tolist(), symbols, found.values.tolist(), strict=True)) == expected
    assert not found.reasons
