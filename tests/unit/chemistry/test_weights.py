"""Formulas by weight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.chemistry.composition import amounts, parse_formula
from elemflow.chemistry.weights import atomic_masses, canonical_of_weights

ELEMENTS = st.sampled_from(["Fe", "Cr", "Ni", "C", "Al", "Ti", "W", "U"])


@pytest.mark.parametrize(
    ("formula", "per_cent"),
    [
        ("Fe2O3", {"Fe": 16.0, "O": 84.0}),  # 2 g and 3 g
        ("Ti-6Al-4V", {"Ti": 86.2, "Al": 10.2, "V": 3.6}),
        ("Ti–6Al–4V", {"Ti": 86.2, "Al": 10.2, "V": 3.6}),
        ("Ni50Ti50", {"Ni": 44.9, "Ti": 55.1}),
        ("Fe-0Cr", {"Fe": 100}),
    ],
)
def test_known_alloys(formula: str, per_cent: dict[str, float]) -> None:
    found = amounts(canonical_of_weights(formula))
    assert {s: 100 * n / sum(found.values()) for s, n in found.items()} == pytest.approx(per_cent, abs=0.05)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [("Fe-60Cr-40Ni", "nothing for Fe"), ("Fe-5Fe", "nothing for Fe"), ("Fe-1Qq", "'Qq' is not"), ("Xx50Fe50", "'Xx'")],
)
def test_refused_with_a_reason(formula: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        canonical_of_weights(formula)


@given(st.dictionaries(ELEMENTS, st.integers(1, 500), min_size=1, max_size=5), st.sampled_from([1, 0.01, 10_000]))
def test_weights_and_atoms_are_one_composition_in_any_unit(atoms: dict[str, int], unit: float) -> None:
    masses = atomic_masses()
    weights = "".join(f"{symbol}{unit * masses[symbol] * amount:.8f}" for symbol, amount in atoms.items())
    found = parse_formula(canonical_of_weights(weights))
    for symbol, amount in atoms.items():
        share = amount / sum(atoms.values())
        assert float(found[symbol] / sum(found.values())) == pytest.approx(share, abs=3e-6)
