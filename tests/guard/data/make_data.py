"""Write the generated tables beside this file; they are committed, so that nobody needs to run this."""

import csv
import itertools
import json
import random
from pathlib import Path

from pymatgen.core import Composition, Element, Lattice, Structure

HERE = Path(__file__).parent
CATIONS = ("Li", "Na", "Mg", "Al", "Ca", "Ti", "Fe", "Cu", "Zn", "Zr")
ANIONS = ("O", "S", "F", "N")
SITES = {
    "rock_salt": ("Fm-3m", [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "caesium_chloride": ("Pm-3m", [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "zinc_blende": ("F-43m", [[0, 0, 0], [0.25, 0.25, 0.25]]),
}


def energy(formula: str, draw: random.Random) -> float:
    """Return a number that follows from the electronegativities, with noise."""
    fractions = Composition(formula).fractional_composition
    mean = sum(share * element.X for element, share in fractions.items())
    spread = sum(share * (element.X - mean) ** 2 for element, share in fractions.items())
    return round(-1.5 * spread + draw.gauss(0, 0.1), 4)


def main() -> None:
    """Write all tables."""
    draw = random.Random(20260101)
    formulas = [
        f"{a}{n}{b}{m}".replace("1", "")
        for a, b, (n, m) in itertools.product(CATIONS, ANIONS, ((1, 1), (1, 2), (2, 1), (2, 3)))
    ]
    rows = []
    for number, formula in enumerate([*formulas, *formulas[::8], "Fe", "Xx2O", "Na3ClO4Cl"]):
        value = energy(formula, draw) if formula != "Xx2O" else 0.0
        gap = max(0.0, round(-2 * value + draw.gauss(0, 0.3), 3))
        division = ("fit", "fit", "fit", "val", "test", "")[number % 6]
        text = "n/a" if number % 41 == 7 else "" if number % 29 == 5 else gap
        rows.append([f"g{number}", formula, "" if number % 37 == 3 else value, text, division, number % 3])
    rows.append([f"g{len(rows)}", "NaF", 99.0, 1.0, "fit", 0])
    with (HERE / "table.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["name", "formula", "energy", "gap", "division", "fold"])
        writer.writerows(rows)
    with (HERE / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["formula", "gap"])
        writer.writerows([f, max(0.0, round(-2 * energy(f, draw), 3))] for f in (formulas * 2)[60:150])
    structures = []
    for kind, (group, sites) in SITES.items():
        for a, b in itertools.product(CATIONS, (*ANIONS, "Al")):
            if a == b:
                continue
            near = (Element(a).atomic_radius or 1.5) + (Element(b).atomic_radius or 1.0)
            length = round(near * {"rock_salt": 2.0, "caesium_chloride": 1.155, "zinc_blende": 2.31}[kind], 3)
            crystal = Structure.from_spacegroup(group, Lattice.cubic(length), [a, b], sites).get_primitive_structure()
            value = energy(a + b, draw) + {"rock_salt": 0.0, "caesium_chloride": 0.1, "zinc_blende": 0.05}[kind]
            name = f"s{len(structures)}"
            structures.append({"name": name, "formula": a + b, "energy": value, "structure": crystal.as_dict()})
    (HERE / "structures.json").write_text(json.dumps(structures) + "\n", encoding="utf-8")
    parts = {"train": [], "validation": [], "test": []}
    for number in range(len(formulas)):
        if number % 8 and number % 37 != 3 and number % 7:
            parts[("train", "train", "test", "validation")[number % 4]].append(f"g{number}")
    (HERE / "division.json").write_text(json.dumps(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
