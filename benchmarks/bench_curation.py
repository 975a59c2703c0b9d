"""Time and memory to curate generated entries with polymorphs as their number grows; speed of reading formulas.

    python benchmarks/bench_curation.py [--structures] [entries ...]

Entries are a csv table: three polymorphs per composition on average, in different spellings, with two properties of
which one has outliers, and with `--structures` a cell of 2 to 28 atoms in the form of jarvis-tools.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from elemflow.chemistry.composition import ELEMENTS_86, SYMBOLS, canonical
from elemflow.config.dataset import Dataset
from elemflow.core.files import read_json
from elemflow.curation.curate import curate
from elemflow.curation.job import CurationJob
from elemflow.sources.retrieve import retrieve

DATASET = {
    "source": {"kind": "table"},
    "columns": {"formula": "formula", "entry_id": "id"},
    "properties": {
        "energy": {"column": "energy", "unit": "eV/atom", "title": "Energy"},
        "gap": {"column": "gap", "unit": "eV", "title": "Band gap", "missing": ["na"]},
    },
    "filters": [
        {"kind": "range", "property": "energy", "minimum": -20, "maximum": 20},
        {"kind": "sigma", "property": "energy", "n": 5},
        {"kind": "min_elements", "n": 2},
    ],
    "keep": {"rule": "lowest", "property": "energy"},
}
WITH_STRUCTURES = {
    "columns": DATASET["columns"] | {"structure": {"column": "atoms", "format": "jarvis"}},
    "properties": DATASET["properties"]
    | {"volume": {"computed": "volume_per_atom", "unit": "Å³/atom", "title": "Volume"}},
}


def generate(path: Path, entries: int, structures: bool) -> None:
    """Write a table of random compounds; composition k has polymorphs spread over the whole file."""
    rng = np.random.default_rng(1)
    compositions = max(1, entries // 3)
    with path.open("w", encoding="utf-8") as stream:
        stream.write("id,formula,energy,gap" + (",atoms\n" if structures else "\n"))
        for start in range(0, entries, 10_000):
            count = min(10_000, entries - start)
            ids = rng.integers(0, compositions, count)
            energies = np.where(rng.random(count) < 1e-4, rng.choice([-98, 1123], count), rng.normal(-0.5, 0.8, count))
            gaps, turned = rng.exponential(1, count), rng.random(count) < 0.3
            for i in range(count):
                k = int(ids[i])
                mixed = (k * 2654435761 + 12345) % 2**32  # Knuth's multiplicative hash, to spread neighbours
                symbols = dict.fromkeys(ELEMENTS_86[mixed // 86**place % 86] for place in range(2 + k % 3))
                amounts = [1 + (k // 7**place + place) % 7 for place in range(len(symbols))]
                pairs = list(zip(symbols, amounts, strict=True))
                formula = "".join(f"{s}{n}" for s, n in (pairs[::-1] if turned[i] else pairs))
                gap = f"{gaps[i]:.4f}" if gaps[i] < 3 else "na"
                stream.write(f"e-{start + i},{formula},{energies[i]:.6f},{gap}")
                if structures:
                    elements = [s for s, n in pairs for _ in range(n)]
                    atoms = {
                        "lattice_mat": (np.eye(3) * 4.1 + rng.random((3, 3)) / 3).tolist(),
                        "coords": rng.random((len(elements), 3)).round(8).tolist(),
                        "elements": elements,
                        "cartesian": False,
                    }
                    stream.write(',"' + json.dumps(atoms).replace('"', '""') + '"')
                stream.write("\n")


def curate_once(folder: Path, structures: bool) -> None:
    """Curate the generated table and print seconds, rows, materials and the peak of resident memory in MiB."""
    source = {"kind": "table", "path": str(folder / "t.csv")}
    dataset = Dataset.model_validate(DATASET | (WITH_STRUCTURES if structures else {}) | {"source": source})
    retrieve("generated", dataset.source, folder / "raw")
    outputs = {name: folder / f"{name}.parquet" for name in ("entries", "materials", "rejected")}
    started, used = time.perf_counter(), time.process_time()
    curate(CurationJob("generated", dataset, folder / "raw", **outputs, report=folder / "curation.json"))
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    report = read_json(folder / "curation.json")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    rows = report["steps"][0]["rows"]
    print(
        f"{rows:9,d} entries -> {report['materials']:9,d} materials: {seconds:6.1f} s "
        f"({processor:6.1f} s of processor), {rows / seconds:8,.0f} rows/s, peak {peak:5,.0f} MiB"
    )


def parse_formulas(count: int = 200_000) -> None:
    rng = random.Random(1)
    kinds = {
        "plain formulas": lambda: "".join(
            f"{s}{rng.randint(1, 12)}" for s in rng.sample(SYMBOLS[:89], rng.randint(2, 4))
        ),
        "formulas with brackets": lambda: "{}{}({}{}O4){}".format(
            *rng.sample(SYMBOLS[:89], 1), rng.randint(1, 9), "Si", 2, 3
        ),
        "decimal formulas": lambda: "{0}0.{2}{1}0.{3}".format(
            *rng.sample(SYMBOLS[:89], 2), (x := rng.randint(1, 9)), 10 - x
        ),
    }
    for name, make in kinds.items():
        formulas = [make() for _ in range(count)]
        started = time.process_time()
        for formula in formulas:
            canonical(formula)
        print(f"{name}: {count / (time.process_time() - started):,.0f} rows/s of one core")


def main() -> None:
    arguments = sys.argv[1:]
    structures = "--structures" in arguments
    sizes = [int(a) for a in arguments if a.isdigit()] or [40_000, 400_000, 4_000_000]
    if "--generate" in arguments:
        generate(Path(arguments[-1]) / "t.csv", sizes[0], structures)
    elif "--curate" in arguments:
        curate_once(Path(arguments[-1]), structures)
    else:
        parse_formulas()
        for size in sizes:
            with tempfile.TemporaryDirectory() as name:
                # A process each: the peak of memory is that of curation alone.
                flags = ["--structures"] if structures else []
                subprocess.run([sys.executable, __file__, "--generate", *flags, str(size), name], check=True)
                subprocess.run([sys.executable, __file__, "--curate", *flags, name], check=True)


if __name__ == "__main__":
    main()
