"""Classes by anions: one for each composition, by the first anion in the order of the classes."""

import pytest

from elemflow.chemistry.anion_classes import CLASSES, class_of


@pytest.mark.parametrize(
    ("composition", "expected"),
    [
        ("BiClO", "oxides"),
        ("H2O", "oxides"),
        ("Cl3CsPb", "halides"),
        ("ClPS", "halides"),
        ("S2W", "chalcogenides"),
        ("AsFeS", "chalcogenides"),
        ("GaN", "pnictides"),
        ("AsGa", "pnictides"),
        ("AlNi3", "intermetallics"),
        ("InSb", "intermetallics"),
        ("Cu", "intermetallics"),
        ("CSi", "others"),
        ("B2Mg", "others"),
        ("HLi", "others"),
        ("Ne", "others"),
    ],
)
def test_class(composition, expected):
    assert class_of(composition) == expected
    assert expected in CLASSES
