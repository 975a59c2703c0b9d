"""Time and memory of the representations, compared with matminer on the same inputs in the same process.

    export OMP_NUM_THREADS=1 PYTHONPATH=workflow
    python benchmarks/bench_features.py --compositions formulas.parquet --structures structures.parquet

The first file has a column of formulas (`formula`), the second one of CIF texts (`cif`); either may be left out. Times
are processor times of one core, so that other jobs on the machine distort them less.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matminer.featurizers.base import MultipleFeaturizer
from matminer.featurizers.composition import ElementProperty, IonProperty, Stoichiometry, ValenceOrbital
from matminer.featurizers.structure import (
    ChemicalOrdering,
    MaximumPackingEfficiency,
    SiteStatsFingerprint,
    StructuralHeterogeneity,
)
from pymatgen.core import Composition, Structure

from elemflow.chemistry.cif import from_cif
from elemflow.chemistry.composition import SYMBOLS, canonical_forms
from elemflow.chemistry.formula_arrays import element_amounts
from elemflow.features import elemental_fractions, magpie, voronoi
from elemflow.features.store import featurize_chunk, gather_chunks

BATCH = 16_384
ROWS = (10_000, 100_000, 1_000_000, 4_000_000)


def seconds(work, *arguments):
    start = time.process_time()
    result = work(*arguments)
    return time.process_time() - start, result


def in_batches(work, items):
    for first in range(0, len(items), BATCH):
        work(items[first : first + BATCH])


def bench_compositions(formulas: list[str], n_reference: int) -> None:

    canonical = list(canonical_forms(formulas)[0].values())
    featurizer = MultipleFeaturizer(
        [Stoichiometry(), ElementProperty.from_preset("magpie"), ValenceOrbital(props=["avg"]), IonProperty(fast=True)]
    )
    picked = np.random.default_rng(0).choice(canonical, n_reference, replace=False).tolist()
    compositions = [Composition(text) for text in picked]
    reference, values = seconds(lambda: np.array([featurizer.featurize(c) for c in compositions], dtype=float))
    magpie.element_table()
    np.testing.assert_allclose(magpie.attributes(picked)[0], values, rtol=1e-6, atol=1e-9)
    own, _ = seconds(in_batches, magpie.featurize, canonical)
    rate, own_rate = n_reference / reference, len(canonical) / own
    print(f"pa: matminer {rate:,.0f} rows/s, elemflow {own_rate:,.0f} rows/s: {own_rate / rate:.0f} times", flush=True)

    parsed = [element_amounts(canonical[i : i + BATCH]) for i in range(0, len(canonical), BATCH)]
    own, _ = seconds(lambda: [len(elemental_fractions.fractions(amounts, BATCH)[0]) for amounts in parsed])
    whole, _ = seconds(in_batches, elemental_fractions.featurize, canonical)
    rates = len(canonical) / own, len(canonical) / whole
    print(f"ef: {rates[0]:,.0f} rows/s after parsing, {rates[1]:,.0f} rows/s with parsing", flush=True)


def bench_end_to_end(path: Path) -> None:
    def everything(folder: Path) -> int:
        forms, _ = canonical_forms(pq.read_table(path, columns=["formula"]).column(0).to_pylist())
        compositions = sorted(set(forms.values()))
        write_materials(folder / "materials.parquet", compositions)
        featurize_file(folder)
        return len(compositions)

    with tempfile.TemporaryDirectory() as folder:
        wall = time.perf_counter()
        used, n = seconds(everything, Path(folder))
        wall = time.perf_counter() - wall
        size = (Path(folder) / "pa.parquet").stat().st_size / 1e6
    print(f"pa, {n:,} compositions read, parsed, featurized, written: {used:.1f} s of a core ({wall:.1f} s wall),"
          f" {size:.0f} MB", flush=True)  # fmt: skip


def write_materials(path: Path, compositions: list[str]) -> None:
    pq.write_table(pa.table({"material_id": compositions, "composition": compositions}), path, row_group_size=65_536)


def featurize_file(folder: Path) -> None:
    names = [folder / name for name in ("chunk.parquet", "chunk.rejected.parquet")]
    featurize_chunk("pa", folder / "materials.parquet", *names)
    gather_chunks([names[0]], [names[1]], folder / "pa.parquet", folder / "rejected.parquet")


def bench_rows(n: int) -> None:
    """Cost per row and largest memory of one file of `n` made-up ternary compositions; runs in its own process."""
    with tempfile.TemporaryDirectory() as name:
        folder, random = Path(name), np.random.default_rng(0)
        schema = pa.schema([("material_id", pa.string()), ("composition", pa.string())])
        with pq.ParquetWriter(folder / "materials.parquet", schema) as writer:
            for first in range(0, n, 65_536):
                rows = min(65_536, n - first)
                kinds = pa.array(np.array(SYMBOLS[:94])[random.integers(0, 94, (3, rows))].ravel())
                amounts = pa.array(random.integers(2, 12, 3 * rows)).cast(pa.string())
                pieces = pc.binary_join_element_wise(kinds, amounts, "")
                texts = pc.binary_join_element_wise(*(pieces.slice(i * rows, rows) for i in range(3)), "")
                ids = [f"{first + i:08d}" for i in range(rows)]
                writer.write_table(pa.table([ids, texts], schema=schema))
        magpie.element_table()
        used, _ = seconds(featurize_file, folder)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"pa, {n:>9,} rows: {1e6 * used / n:.1f} µs/row with files, at most {memory:.2f} GiB", flush=True)


def bench_structures(path: Path, n: int, most_sites: int) -> None:

    featurizers = [
        SiteStatsFingerprint.from_preset("CoordinationNumber_ward-prb-2017"),
        StructuralHeterogeneity(),
        ChemicalOrdering(),
        MaximumPackingEfficiency(),
        SiteStatsFingerprint.from_preset("LocalPropertyDifference_ward-prb-2017"),
    ]
    texts = pd.read_parquet(path, columns=["cif"])["cif"].sample(n, random_state=0)
    crystals = [crystal for crystal in map(from_cif, texts) if len(crystal.species) <= most_sites]
    voronoi.attributes(crystals[0])
    times = defaultdict(list)
    for crystal in crystals:
        structure = Structure(crystal.lattice, crystal.species, crystal.coordinates)
        own, _ = seconds(voronoi.attributes, crystal)
        try:
            reference, _ = seconds(lambda s=structure: [f.featurize(s) for f in featurizers])
        except (RuntimeError, ValueError):
            continue
        times[int(np.log2(len(structure)))].append((len(structure), own, reference))
    for _, rows in sorted(times.items()):
        sites, own, reference = np.array(rows).T
        print(
            f"st, {int(sites.min()):>3} to {int(sites.max()):>3} sites ({len(rows)} structures): "
            f"matminer {len(rows) / reference.sum():.1f}/s, elemflow {len(rows) / own.sum():.0f}/s: "
            f"{reference.sum() / own.sum():.0f} times",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compositions", type=Path)
    parser.add_argument("--structures", type=Path)
    parser.add_argument("--reference", type=int, default=1000, help="compositions for matminer")
    parser.add_argument("--n-structures", type=int, default=60)
    parser.add_argument("--most-sites", type=int, default=64, help="leave out larger structures")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.rows:
        bench_rows(arguments.rows)
    if arguments.compositions:
        table = pq.read_table(arguments.compositions, columns=["formula"])
        bench_compositions(table.column(0).to_pylist(), arguments.reference)
        bench_end_to_end(arguments.compositions)
        for n in ROWS:
            subprocess.run([sys.executable, __file__, "--rows", str(n)], check=True)
    if arguments.structures:
        bench_structures(arguments.structures, arguments.n_structures, arguments.most_sites)


if __name__ == "__main__":
    main()
