"""What `explain` shows of a run of the record: its cells with their verdicts, and the hashes of all that it read."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elemflow.core.evidence import CURATION, METRICS, RAW_FILES, read_evidence, read_run_info, show
from elemflow.core.files import sha256_file
from elemflow.core.run import Run
from elemflow.provenance.explain_lines import choice_lines, funnel_lines, line, member_lines, origin_lines

CELLS = "cells.csv"
UNDECIDED = "undecided"


def recorded_lines(record: Path, run: str, results: Path) -> Iterator[str]:
    """Yield what the record has of a run, and which of the files that it read are in this copy.

    Args:
        record: Folder of the record.
        run: Path of the run.
        results: Folder of results of this copy.

    Raises:
        DataError: Evidence is damaged.
    """
    folder, copy = record / run, results.parent
    info = read_run_info(folder, "members", "cfg")
    yield line("  recorded", f"{show(folder)}, not computed in this copy")
    yield from member_lines(info, read_evidence(folder / METRICS))
    yield from _cell_lines(record / CELLS, run)
    yield from choice_lines(info)
    for path, digest in info["inputs_sha256"].items():
        yield line("input", f"{path} ({_state(copy / path, digest)})")
        yield line("  sha256", digest)
    yield from funnel_lines(show(folder / CURATION), read_evidence(folder / CURATION))
    yield from _raw_lines(folder, run, copy)
    yield from origin_lines(info)


def _state(path: Path, digest: str) -> str:
    """Return whether a file of this copy is the one that a recorded run read."""
    if not path.is_file():
        return "not in this copy"
    return "as in this copy" if sha256_file(path) == digest else "another file in this copy"


def _cell_lines(path: Path, run: str) -> Iterator[str]:
    """Yield the printed errors that a run answers, each with its verdict."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as stream:
        cells = [cell for cell in csv.DictReader(stream) if cell.get("run") == run]
    for cell in cells:
        unit = cell["unit"]
        yield line("  cell", f"{cell['published_source']}: {cell['row']} | {cell['column']}")
        yield line("    published", f"{cell['published']} {unit}")
        yield line("    computed", _computed(cell))
        yield line("    materials", f"{_count(cell['materials'])}; in the paper {_count(cell['published_materials'])}")
        if cell["difference_low"]:
            ends = " to ".join(f"{float(cell[name]):+.4g}" for name in ("difference_low", "difference_high"))
            yield line("    difference", f"90 % interval {ends} {unit}")
        yield line("    margin", f"{_short(cell['margin'])} {unit}" if cell["margin"] else "none")
        yield line("    verdict", _verdict(cell))


def _computed(cell: Mapping[str, str]) -> str:
    spread = f" ± {float(cell['spread']):.2g}" if cell["spread"] else ""
    members = f", {cell['members']} members" if cell["members"] != "1" else ""
    return f"{_short(cell['reproduced'])}{spread} {cell['unit']}{members}"


def _verdict(cell: Mapping[str, str]) -> str:
    if cell["verdict"] != UNDECIDED:
        return cell["verdict"]
    return f"{UNDECIDED}; {cell.get('further_members') or 'no number of'} further members would decide"


def _short(number: str) -> str:
    return f"{float(number):.4g}"


def _count(number: str) -> str:
    return f"{int(number):,}" if number else "not printed"


def _raw_lines(folder: Path, run: str, copy: Path) -> Iterator[str]:
    """Yield the raw files behind a run with their SHA-256, or that these are not recorded."""
    path = folder / RAW_FILES
    if not path.is_file():
        yield line("raw files", f"their SHA-256 are not recorded: {show(folder)} has no {RAW_FILES}")
        return
    raw: dict[str, Any] = read_evidence(path)
    for dataset, about in raw.items():
        behind = "" if dataset == Run.parse(run).dataset else ", through the run that it starts from"
        yield line("raw files", f"of {dataset}{behind}, from {show(path)}")
        for file in about["files"]:
            here = copy / "resources/raw" / dataset / file["file"]
            yield line(f"  {file['file']}", f"{file['bytes']:,} bytes ({_state(here, file['sha256'])})")
            yield line("    sha256", file["sha256"])
