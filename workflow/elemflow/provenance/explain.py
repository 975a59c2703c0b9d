"""The chain from a cell of a table or figure back to the raw files, read from the files of each stage alone."""

from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from elemflow.core.content import read_record, recorded
from elemflow.core.errors import DataError
from elemflow.core.evidence import is_of_record
from elemflow.core.files import read_json, read_metadata, sha256_file
from elemflow.core.parquet import count_rows
from elemflow.core.places import ROOT
from elemflow.core.run import RUN_KEYS, Run
from elemflow.provenance.explain_lines import choice_lines, funnel_lines, line, member_lines, origin_lines, plain
from elemflow.provenance.explain_record import recorded_lines

CELL_KEYS = (
    *("published", "published_source", "published_note", "reproduced", "spread", "difference", "unit"),
    *("scale", "reduced_by", "missing"),
)
"""Columns of a cell that are shown."""
RECORD = "resources/record"
"""Folder of the record, next to the package."""
AXES = ("row", "column", "against", "panel", "series")
"""Columns that name a cell."""
MIN_AXES = 2
"""Fewest of them in the csv of a table or figure."""
MOST_LABELS = 12
"""Most labels of an axis that a message lists."""


def explain(path: Path, names: Sequence[str] = ()) -> str:
    """Return where the numbers of a run, or of a cell of a table or figure, come from.

    Args:
        path: Folder of a run, or the csv of a table or figure, below a folder `results`; or folder of a recorded run.
        names: Parts of the labels of row and column (panel and series), to choose among the cells of a csv.

    Returns:
        The chain of one cell, or the list of the cells that match.

    Raises:
        DataError: The path is neither, or nothing matches.
    """
    path = path.resolve()
    if is_of_record(path) and path.is_dir() and path.parents[len(RUN_KEYS) - 1].name == "record":
        return "\n".join(_of_record(path))
    results = next((parent for parent in path.parents if parent.name == "results"), None)
    if results is None or not path.exists():
        raise DataError(f"{path}: no such run, table or figure below a folder 'results'.")
    if path.is_dir():
        if not path.is_relative_to(results / "runs"):
            raise DataError(f"{path}: no run; their folders are in {results / 'runs'}. Name one, or a csv.")
        return "\n".join(_run_lines(results, str(path.relative_to(results / "runs"))))
    return _explain_csv(results, path, names)


def _of_record(folder: Path) -> Iterator[str]:
    """Yield what a record has of a run, given its folder there."""
    record, run = folder.parents[len(RUN_KEYS) - 1], Run.of_folder(folder).path
    yield line("run", run)
    yield from recorded_lines(record, run, record.parents[1] / "results")


def _explain_csv(results: Path, path: Path, names: Sequence[str]) -> str:
    named, path = path, path if path.suffix == ".csv" else path.with_suffix(".csv")
    if not path.is_file():
        raise DataError(
            f"{named}: no table or figure, since it has no csv next to it. Name one, or the folder of a run."
        )
    cells = pd.read_csv(path, dtype=str, keep_default_na=False)
    axes = [name for name in AXES if name in cells]
    of_datasets = {"dataset", "materials"} <= set(cells) if "run" not in cells else not cells["run"].any()
    if of_datasets:
        raise DataError(f"{path}: shows datasets, not runs; {results / 'datasets'} has the curation.json of each.")
    if "run" not in cells or len(axes) < MIN_AXES:
        raise DataError(f"{path}: not the csv of a table or figure of this workflow.")
    if len(names) > len(axes):
        raise DataError(f"{path}: {len(names)} names for {' and '.join(axes)}; put quotes around those with spaces.")
    cells = every = cells.drop_duplicates([*axes, "run"])
    for axis, name in zip(axes, names, strict=False):
        whole = cells[cells[axis].str.casefold() == name.casefold()]  # a label may be part of another
        cells = cells[cells[axis].str.contains(name, case=False, regex=False)] if whole.empty else whole
    if cells.empty:
        labels = "; ".join(
            f"{axis}: {', '.join(every[axis].dropna().astype(str).unique()[:MOST_LABELS])}" for axis in axes
        )
        raise DataError(
            f"{path}: no cell matches {' and '.join(map(repr, names))}; name none to see all. Labels of {labels}."
        )
    if len(cells) > 1:
        return "\n".join(f"{' | '.join(cell[axis] for axis in axes)}: {cell['run']}" for cell in _records(cells))
    return "\n".join(_cell_lines(results, path, _records(cells)[0], axes))


def _records(cells: pd.DataFrame) -> list[dict[str, str]]:
    return [{str(key): str(value) for key, value in record.items()} for record in cells.to_dict("records")]


def _cell_lines(results: Path, path: Path, cell: Mapping[str, str], axes: Sequence[str]) -> Iterator[str]:
    yield line("cell", f"{path.relative_to(results)}: {' | '.join(cell[axis] for axis in axes)}")
    yield from (line(f"  {name}", cell[name]) for name in CELL_KEYS if cell.get(name))
    if cell.get("metric") and cell.get("reproduced"):
        metrics = results / "runs" / cell["run"] / "metrics.json"
        if metrics.is_file() and not _is_of(cell, read_json(metrics)):
            yield line("  CHANGED", f"{cell['reproduced']} is no value of {metrics.relative_to(results.parent)}")
    for name in ("run", "against_run"):
        if name in cell:
            yield from _run_lines(results, cell[name])


def _run_lines(results: Path, run: str) -> Iterator[str]:
    dataset = Run.parse(run).dataset
    folder = results / "runs" / run
    yield line("run", run)
    if not (folder / "run_info.json").is_file():
        if (ROOT / RECORD / run).is_dir():
            yield from recorded_lines(ROOT / RECORD, run, results)
        else:
            yield line("  not run", "this copy has no result of it")
        return
    info, metrics = read_json(folder / "run_info.json"), folder / "metrics.json"
    if info.get("not_run"):
        yield line("  not run", info["not_run"])
    yield from member_lines(info, read_json(metrics) if metrics.is_file() else {})
    yield from _result_lines(results, folder)
    yield from choice_lines(info)
    for path, digest in info["inputs_sha256"].items():
        yield from _input_lines(results.parent / path, path, digest)
    yield from _dataset_lines(results, dataset)
    yield from origin_lines(info)
    if source := info.get("pretrained"):
        yield line("pre-trained by", source)
        yield from _run_lines(results, source)


def _is_of(cell: Mapping[str, str], metrics: Mapping[str, Any]) -> bool:
    """Return whether the value of a cell is that of a member, of an ensemble or of a mean, to the digits of a csv."""
    values = [value for group in _groups(metrics.get("test", {}), cell["metric"]) for value in (*group, fmean(group))]
    return any(isclose(float(cell["reproduced"]), value, rel_tol=1e-6, abs_tol=1e-12) for value in values)


def _groups(found: Any, metric: str) -> Iterator[list[float]]:
    """Yield the values of a metric that stand next to each other, such as those of all members."""
    if not isinstance(found, Mapping):
        return
    own = [found.get(metric), *(each.get(metric) for each in found.values() if isinstance(each, Mapping))]
    if numbers := [float(value) for value in own if isinstance(value, int | float)]:
        yield numbers
    for each in found.values():
        yield from _groups(each, metric)


def _result_lines(results: Path, folder: Path) -> Iterator[str]:
    """Yield whether predictions and metrics are those that their jobs wrote, one made from the other."""
    predictions, metrics = folder / "predictions.parquet", folder / "metrics.json"
    for path, job in ((predictions, "the training"), (metrics, "the evaluation")):
        expected = recorded(path)
        if expected and path.is_file():
            state = "unchanged" if sha256_file(path) == expected else f"CHANGED since {job}"
            yield line("result", f"{path.relative_to(results.parent)} ({state})")
    evaluation = read_record(folder / "metrics.provenance.json")
    if evaluation and predictions.is_file() and sha256_file(predictions) not in evaluation.inputs.values():
        yield line("  CHANGED", f"{metrics.name} was computed from other predictions than these")


def _input_lines(path: Path, name: str, digest: str) -> Iterator[str]:
    """Yield what a run read, and whether the file is still the same."""
    if not path.is_file():
        state = "no longer here"
    else:
        state = "unchanged" if sha256_file(path) == digest else "CHANGED since the run"
    yield line("input", f"{name} ({state})")
    yield line("  sha256", digest)
    if state != "unchanged" or path.suffix != ".parquet":
        return
    about = read_metadata(path)
    if "split" in about:
        yield line("  split", plain(about["split"]))
    if "removed" in about:
        removed = f"{plain(about['removed'])} materials by member, since the fine-tuned run is evaluated on them"
        yield line("  removed", removed)
    if "part" in about:
        yield line("  features", f"{about['part']}, {len(about['labels'])} columns, version {about['version']}")
    yield line("  rows", f"{count_rows(path):,}")


def _dataset_lines(results: Path, dataset: str) -> Iterator[str]:
    funnel = results / "datasets" / dataset / "curation.json"
    if funnel.is_file():
        yield from funnel_lines(str(funnel.relative_to(results.parent)), read_json(funnel))
    manifest = results.parent / "resources" / "raw" / dataset / "manifest.json"
    if not manifest.is_file():
        yield line("raw files", f"no {manifest.relative_to(results.parent)} in this copy")
        return
    texts = results / "datasets" / dataset / "about.json"
    about = read_json(texts) if texts.is_file() else {}
    yield line("raw files", "; ".join(str(about[key]) for key in ("version", "license") if about.get(key)))
    yield line("  citation", ", ".join(about.get("citation") or ["none given"]))
    for file in read_json(manifest)["files"]:
        yield line(f"  {file['file']}", f"{file['bytes']:,} bytes of {file['retrieved']} from {file['url']}")
        yield line("    sha256", file["sha256"])
