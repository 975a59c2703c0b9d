"""Classes of compounds by their anions, each composition in one: the first of them that it belongs to."""

from elemflow.chemistry.composition import amounts

CLASSES = ("oxides", "halides", "chalcogenides", "pnictides", "intermetallics", "others")
"""Classes in the order in which they are tried; `others` are hydrides, borides, carbides, silicides and non-metals."""
_ANIONS = {
    "oxides": frozenset({"O"}),
    "halides": frozenset({"F", "Cl", "Br", "I"}),
    "chalcogenides": frozenset({"S", "Se", "Te"}),
    "pnictides": frozenset({"N", "P", "As"}),
}
_NO_METALS = frozenset({"H", "B", "C", "Si", "At", "He", "Ne", "Ar", "Kr", "Xe", "Rn"}.union(*_ANIONS.values()))


def class_of(composition: str) -> str:
    """Return the class of a canonical composition.

    An oxide contains oxygen; a halide a halogen and no oxygen; a chalcogenide S, Se or Te and none of these; a pnictide
    N, P or As and none of these. Intermetallics, metallic elements among them, consist of metals alone, to which Ge, Sb
    and Bi count here.

    Args:
        composition: What `elemflow.chemistry.composition.canonical` returned.
    """
    elements = amounts(composition).keys()
    for name, anions in _ANIONS.items():
        if anions & elements:
            return name
    return "others" if _NO_METALS & elements else "intermetallics"
