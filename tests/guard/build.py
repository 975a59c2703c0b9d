"""Build the study of the guard and write down what numbers it gives.

    python tests/guard/build.py --write                # build, write hashes.json
    python tests/guard/build.py                        # build, compare with hashes.json
    python tests/guard/build.py --results <folder>     # compare what lies in the `results` of a finished build
    python tests/guard/build.py --against <folder>     # compare with the `results` of another build, not with hashes.json

Files are read by their format alone, and nothing of the package is imported, so that the guard outlives moves and renames: a column
is known by its values, a number in JSON by itself, a weight by its bytes. Names stand in hashes.json for messages. Files that get
another path are named in renames.yaml.
"""

import argparse
import csv
import fnmatch
import hashlib
import importlib.metadata
import io
import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HASHES = HERE / "hashes.json"
RENAMES = HERE / "renames.yaml"
DATA = "guard_data"
"""Folder of the copied project with the tables of the guard."""

TARGETS = {
    "guard": (
        "all",
        "results/candidates/guard_candidates/guard_structures/energy/st+pa+ef/guard_forest/guard_fractions/ranked.csv",
        "results/candidates/guard_candidates/guard_table/energy/ef/guard_plain/guard_fine_tuned/ranked.csv",
        "results/crate/all",
    ),
    "demo": ("all",),
}
CONFIGS = {"guard": "config/guard.yaml", "demo": "config/demo.yaml"}

NOT_COPIED = (
    ".git",
    ".venv",
    ".snakemake",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "results",
    "tests",
    "resources/raw",
)
SKIPPED = (
    "logs/*",
    "benchmarks/*",
    "checkpoints/*",
    "plan/*",
    "crate/*",
    "*/model/model",
    "*/about",
    "*/croissant",
    "*/all/*",
)
"""Files without numbers of their own, or with times; below `all` lie copies."""
VOLATILE = re.compile(
    r"second|minute|hour|(^|_)times?(_|$)|joule|memory|(^|_)mb(_|$)|starts|host|version|finished|per_second|date"
)
"""Names of columns and of keys in JSON whose numbers change from one build to the next."""
DECLARED = {"cfg"}
"""Keys in JSON that repeat the configuration."""
VOLATILE_COLUMNS = {"figures/guard/cost": {"x"}, "pages/figures/guard-cost": {"x"}}
"""Columns with times that their name does not tell, by key."""
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "tensorflow", "keras", "jax", "jaxlib", "xgboost", "lightgbm", "catboost",
            "flaml", "optuna", "pymatgen", "matminer")  # fmt: skip
SIMD = re.compile(r"avx|fma|amx|sse|asimd|sve")
TOLERANCES = {"split": 0.0, "materials": 1e-6, "features": 1e-6, "trained": 1e-3}
"""Relative tolerance of each kind of file on another platform; text is always exact where it is 0 or 1e-6."""
WIDE = 20
"""More columns of numbers than this are summed up together."""
NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][+-]?\d+)?")
WORDS = {"true": 1.0, "false": 0.0, "nan": math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclass
class Column:
    """A column, or what is like one: the numbers of a JSON file, the weights of a network.

    Attributes:
        name: For messages.
        digest: Of type and values.
        summary: Count, mean, standard deviation, minimum and maximum, to 10 digits; text has the count alone.
    """

    name: str
    digest: str
    summary: list[float | None]


def digest_of(*parts: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def summarise(values: np.ndarray) -> list[float | None]:
    """Return count, mean, standard deviation, minimum and maximum of the finite values."""
    values = np.asarray(values, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return [0, None, None, None, None]
    numbers = (values.mean(), values.std(), values.min(), values.max())
    return [len(values), *(float(f"{number:.10g}") for number in numbers)]


def number_column(name: str, values: Iterable[float | None]) -> Column:
    """Return a column of numbers that were read from text; None is an empty cell."""
    found = list(values)
    text = "\n".join("" if value is None else repr(float(value)) for value in found)
    numbers = np.array([math.nan if value is None else value for value in found], dtype=np.float64)
    return Column(name, digest_of(b"numbers", text.encode()), summarise(numbers))


def array_column(name: str, values: pa.ChunkedArray) -> Column | None:
    """Return a column of a Parquet file, or None for prose."""
    array = values.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    valid = np.asarray(array.is_valid())
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type):
        filled = np.asarray(array.fill_null(False if pa.types.is_boolean(array.type) else 0))
        digest = digest_of(str(array.type).encode(), np.ascontiguousarray(filled).tobytes(), valid.tobytes())
        return Column(name, digest, summarise(filled[valid]))
    found = array.to_pylist()
    if any(isinstance(value, str) and " " in value for value in found):
        return None
    parts = [value if isinstance(value, bytes) else json.dumps(value, sort_keys=True).encode() for value in found]
    return Column(name, digest_of(b"text", *parts), [int(valid.sum())])


def read_parquet(path: Path) -> tuple[int, list[Column]]:
    """Read a Parquet file."""
    table = pq.ParquetFile(path).read()
    columns = [array_column(name, table[name]) for name in table.column_names if not VOLATILE.search(name)]
    return table.num_rows, [column for column in columns if column]


def read_number(cell: str) -> float | None:
    """Return the number in a cell, or None if it holds words.

    Signs and marks may stand around it, and of `0.113 ± 0.002` the first number counts.
    """
    if cell.strip().lower() in WORDS:
        return WORDS[cell.strip().lower()]
    if re.search(r"[^\W\d_]", re.sub(r"(?<=\d)[eE](?=[+-]?\d)", "", cell)):
        return None
    found = next((match for match in NUMBER.findall(cell.replace("−", "-")) if re.search(r"\d", match)), None)
    return None if found is None else float(found.replace(",", ""))


def read_csv(path: Path, *, codes: bool) -> tuple[int, list[Column]]:
    """Read the columns of a CSV file that hold numbers.

    Args:
        path: The file.
        codes: Whether text counts by what is equal in a column, for decisions that are words.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        header, *lines = csv.reader(stream)
    columns = []
    for name, *cells in zip(header, *lines, strict=True):
        if VOLATILE.search(name):
            continue
        numbers = [read_number(cell) for cell in cells]
        if all(number is None for number in numbers):
            if not codes or not any(cells):
                continue
            known: dict[str, int] = {}
            numbers = [known.setdefault(cell, len(known)) for cell in cells]
        columns.append(number_column(name, numbers))
    return len(lines), columns


def leaves(value: Any) -> Iterator[float]:
    """Yield the numbers in JSON, but for times and the configuration."""
    if isinstance(value, dict):
        for key, each in value.items():
            if not VOLATILE.search(key) and key not in DECLARED:
                yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    elif isinstance(value, bool | int | float):
        yield float(value)


def read_json(path: Path) -> tuple[int, list[Column]]:
    """Read the numbers of a JSON file, sorted, since keys have no order and may get other names."""
    numbers = sorted(leaves(json.loads(path.read_text(encoding="utf-8"))))
    return len(numbers), [number_column("numbers", numbers)]


def read_arrays(name: str, arrays: Iterable[np.ndarray]) -> tuple[int, list[Column]]:
    """Read arrays, sorted by their bytes, since layers may get other names."""
    found = [np.ascontiguousarray(array) for array in arrays]
    parts = sorted(digest_of(f"{a.dtype}{a.shape}".encode(), a.tobytes()) for a in found)
    numeric = [a.ravel().astype(np.float64) for a in found if a.dtype.kind in "fiub"]
    summary = summarise(np.concatenate(numeric) if numeric else np.array([]))
    return len(found), [Column(name, digest_of(*(part.encode() for part in parts)), summary)]


def read_network(path: Path) -> tuple[int, list[Column]]:
    """Read all weights of a stored network."""
    arrays: list[np.ndarray] = []
    with zipfile.ZipFile(path) as archive:
        inside = next(name for name in archive.namelist() if name.endswith(".h5"))
        with h5py.File(io.BytesIO(archive.read(inside))) as file:
            file.visititems(lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    return read_arrays("weights", arrays)


def read_npz(path: Path) -> tuple[int, list[Column]]:
    """Read all arrays of an npz file."""
    with np.load(path) as file:
        return read_arrays("arrays", [file[name] for name in file.files])


def read_crate(path: Path) -> tuple[int, list[Column]]:
    """Count what a crate describes, by type; the files of the project are copied into it and do not count."""
    graph = json.loads(path.read_text(encoding="utf-8"))["@graph"]
    kinds = Counter(kind for item in graph for kind in np.atleast_1d(item["@type"]))
    counts = sorted(kinds[kind] for kind in ("CreateAction", "PropertyValue", "FormalParameter"))
    return len(counts), [number_column("actions and values", counts)]


def kind_of(key: str) -> str:
    """Return the kind of a file, which decides its tolerance."""
    first = key.split("/", maxsplit=1)[0]
    return {"splits": "split", "datasets": "materials", "features": "features"}.get(first, "trained")


def read_file(path: Path, key: str) -> tuple[int, list[Column]] | None:
    """Read one file of the results, or nothing if it holds no numbers."""
    match path.suffix:
        case ".parquet":
            return read_parquet(path)
        case ".csv":
            return read_csv(path, codes=key.startswith("claims/"))
        case ".json":
            return read_json(path)
        case ".keras":
            return read_network(path)
        case ".npz":
            return read_npz(path)
    return None


def join_wide(columns: list[Column]) -> list[Column]:
    """Sum up the numbers of a wide table together."""
    numbers = [column for column in columns if len(column.summary) > 1]
    if len(numbers) <= WIDE:
        return columns
    filled = [column.summary for column in numbers if column.summary[0]]
    count = sum(each[0] for each in filled)
    mean = sum(each[0] * each[1] for each in filled) / count
    spread = sum(each[0] * (each[2] ** 2 + (each[1] - mean) ** 2) for each in filled) / count
    summary = [mean, math.sqrt(spread), min(each[3] for each in filled), max(each[4] for each in filled)]
    digest = digest_of(*(column.digest.encode() for column in numbers))
    joined = Column(f"{len(numbers)} columns", digest, [count, *(float(f"{number:.10g}") for number in summary)])
    return [column for column in columns if len(column.summary) == 1] + [joined]


def read_results(results: Path) -> dict[str, Any]:
    """Return what all files below a folder of results hold, by their path without suffix."""
    found: dict[str, Any] = {}
    for path in sorted(results.rglob("*")):
        inside = path.relative_to(results).as_posix()
        key = inside.removesuffix(path.suffix) + ("" if path.suffix in (".parquet", ".csv") else f"({path.suffix[1:]})")
        plain = inside.removesuffix(path.suffix)
        if path.name == "ro-crate-metadata.json":
            read = read_crate(path)
        elif (
            not path.is_file()
            or path.name.startswith(".")
            or any(fnmatch.fnmatch(plain, pattern) for pattern in SKIPPED)
        ):
            continue
        else:
            read = read_file(path, key)
        if read is None:
            continue
        rows, columns = read
        kept = join_wide([column for column in columns if column.name not in VOLATILE_COLUMNS.get(key, ())])
        total = digest_of(str(rows).encode(), *sorted(column.digest.encode() for column in kept))
        found[key] = {
            "kind": kind_of(key),
            "sha256": total,
            "rows": rows,
            "columns": [[column.name, column.digest[:16], *column.summary] for column in kept],
        }
    return found


def describe_platform() -> dict[str, str]:
    """Return what decides the last digits of a number: processor, libraries."""
    about = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*:\s*(.*)$", about, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", about, re.MULTILINE)
    simd = " ".join(sorted(flag for flag in flags[1].split() if SIMD.match(flag))) if flags else ""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "processor": model[1] if model else platform.processor(),
        "simd": simd,
        "python": platform.python_version(),
        "libc": "-".join(platform.libc_ver()),
        **versions,
    }


def copy_project(folder: Path) -> Path:
    """Copy the project without results and tests, and lay the configuration of the guard into it."""
    copy = folder / "project"

    def left_out(parent: str, names: list[str]) -> set[str]:
        # What a process is just about to compile may be gone when it is copied.
        here = Path(parent).relative_to(ROOT)
        return {name for name in names if (here / name).as_posix() in NOT_COPIED or ".pyc." in name}

    shutil.copytree(ROOT, copy, symlinks=True, ignore=left_out)
    shutil.copytree(HERE / "config", copy / "config", dirs_exist_ok=True)
    shutil.copytree(HERE / "data", copy / DATA)
    return copy


def run_snakemake(copy: Path, name: str, *, cores: int) -> Path:
    """Run Snakemake in a copy of the project.

    Returns:
        Its folder of results.

    Raises:
        RuntimeError: A job failed.
    """
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        str(cores),
        "--nocolor",
        "--keep-going",
        "--configfile",
        CONFIGS[name],
    ]
    process = subprocess.run(
        [*command, "--", *TARGETS[name]],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy / "workflow")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if process.returncode:
        raise RuntimeError(f"Snakemake ended with {process.returncode} in {copy}:\n{process.stdout[-8000:]}")
    return copy / "results"


def build(name: str, folder: Path, *, cores: int = 2) -> dict[str, Any]:
    """Build `guard` or `demo` in a copy of the project below a folder, and return what its results hold."""
    return read_results(run_snakemake(copy_project(folder), name, cores=cores))


def read_renames() -> dict[str, Any]:
    """Return renamed and removed keys; see renames.yaml."""
    declared = yaml.safe_load(RENAMES.read_text(encoding="utf-8")) or {}
    return {"renamed": declared.get("renamed") or {}, "removed": declared.get("removed") or []}


def renamed_key(key: str, renamed: dict[str, str]) -> str:
    """Return the new key of a file: every `*` of the old one stands in the new one, in order."""
    for old, new in renamed.items():
        pattern = "(.*)".join(re.escape(part) for part in old.split("*"))
        if found := re.fullmatch(pattern, key):
            groups = iter(found.groups())
            return re.sub(r"\*", lambda _, groups=groups: next(groups), new)
    return key


def compare(golden: dict[str, Any], found: dict[str, Any], *, exact: bool) -> list[str]:
    """Return what differs, a line for each file or column; nothing if all is as it was.

    Args:
        golden: What hashes.json holds.
        found: What a build gave.
        exact: Whether all must be equal; else numbers may differ by the tolerance of their kind.
    """
    renames = read_renames()
    lines = []
    expected = set()
    for old, before in golden.items():
        if any(fnmatch.fnmatchcase(old, pattern) for pattern in renames["removed"]):
            continue
        key = renamed_key(old, renames["renamed"])
        expected.add(key)
        named = key if key == old else f"{key} (before: {old})"
        if key not in found:
            lines.append(f"{named}: is missing")
        elif found[key]["sha256"] != before["sha256"]:
            lines += [f"{named}: {line}" for line in compare_file(before, found[key], exact=exact)]
    new = sorted(found.keys() - expected)
    if lines and new:
        lines.append(f"new, and no difference by themselves: {', '.join(new)}")
    return lines


def compare_file(before: dict[str, Any], after: dict[str, Any], *, exact: bool) -> Iterator[str]:
    """Yield what differs between two states of one file."""
    if before["rows"] != after["rows"]:
        yield f"{before['rows']} rows before, {after['rows']} now"
    unmatched = list(after["columns"])
    changed = []
    for column in before["columns"]:
        same = next((other for other in unmatched if other[1] == column[1]), None)
        if same:
            unmatched.remove(same)
        else:
            changed.append(column)
    for column in changed:
        other = next(
            (each for each in unmatched if each[0] == column[0]),
            unmatched[0] if len(unmatched) == len(changed) == 1 else None,
        )
        if other is None:
            yield f"column '{column[0]}' with {shown(column)} is gone or has other values"
            continue
        unmatched.remove(other)
        tolerance = 0.0 if exact else TOLERANCES[before["kind"]]
        if tolerance and close(column, other, tolerance):
            continue
        yield f"column '{column[0]}': {shown(column)} before, {shown(other)} now"
    for column in unmatched:
        yield f"column '{column[0]}' with {shown(column)} is new or has other values"


def close(before: list[Any], after: list[Any], tolerance: float) -> bool:
    """Tell whether two summaries agree within a tolerance, relative to the largest value."""
    if len(before) != len(after) or before[2] != after[2]:
        return False
    if len(before) == 3:
        return tolerance >= TOLERANCES["trained"]
    pairs = list(zip(before[3:], after[3:], strict=True))
    if any(old is None or new is None for old, new in pairs):
        return all(old is new for old, new in pairs)
    size = max(abs(old) for old, _ in pairs)
    return all(abs(new - old) <= tolerance * size for old, new in pairs)


def shown(column: list[Any]) -> str:
    """Return a summary for a message."""
    if len(column) == 3:
        return f"{column[2]} texts {column[1][:8]}"
    count, mean, std, low, high = column[2:]
    return f"n {count}, mean {mean}, std {std}, min {low}, max {high}, sha256 {column[1][:8]}"


def read_golden() -> dict[str, Any]:
    """Return hashes.json."""
    return json.loads(HASHES.read_text(encoding="utf-8"))


def write_golden(state: dict[str, Any]) -> None:
    """Write hashes.json, a line for each file of the results."""
    groups = []
    for name, content in state.items():
        inner = ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(each, ensure_ascii=False)}" for key, each in content.items()
        )
        groups.append(f" {json.dumps(name)}: {{\n{inner}\n }}")
    HASHES.write_text("{\n" + ",\n".join(groups) + "\n}\n", encoding="utf-8")


def main() -> int:
    """Build, then write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write hashes.json in place of comparing with it")
    parser.add_argument(
        "--demo", action="store_true", help="build config/demo.yaml in place of the small study of the guard"
    )
    parser.add_argument("--folder", type=Path, help="empty folder to build in, which is kept; else one that is deleted")
    parser.add_argument("--results", type=Path, help="results of a finished build, in place of building")
    parser.add_argument(
        "--against", type=Path, help="results of a build on this machine, compared to the bit in place of hashes.json"
    )
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.against and arguments.write:
        parser.error("--against compares with another build and leaves hashes.json as it is; leave out --write")
    for option in ("results", "against"):
        folder = getattr(arguments, option)
        if folder and not (folder / "runs").is_dir():
            parser.error(f"--{option} {folder}: not the `results` of a finished build; it has no folder `runs`")
    name = "demo" if arguments.demo else "guard"
    here = describe_platform()
    if arguments.results:
        found = read_results(arguments.results)
    elif arguments.folder:
        found = build(name, arguments.folder, cores=arguments.cores)
    else:
        with tempfile.TemporaryDirectory() as folder:
            found = build(name, Path(folder), cores=arguments.cores)
    golden = read_golden() if HASHES.exists() else {}
    if arguments.write:
        if golden and golden["platform"] != here:
            golden = {}
        write_golden(
            {"platform": here}
            | {each: golden[each] for each in CONFIGS if each in golden and each != name}
            | {name: found}
        )
        print(f"{len(found)} files of {name} written to {HASHES}")  # noqa: T201
        return 0
    if arguments.against:
        golden, exact = {name: read_results(arguments.against)}, True
    else:
        exact = golden["platform"] == here
    lines = compare(golden[name], found, exact=exact)
    how = "to the bit" if exact else "within tolerances, on another platform"
    print("\n".join(lines) or f"{len(golden[name])} files of {name} are as they were, {how}")  # noqa: T201
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
