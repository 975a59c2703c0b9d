"""The chain from a cell of a table or figure back to the raw files, read from the files of each stage alone."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from elemflow.core.content import read_record, recorded
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, read_metadata, sha256_file
from elemflow.core.parquet import count_rows
from elemflow.core.places import ROOT
from elemflow.core.run import Run

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
        path: Folder of a run, or the csv of a table or figure; below a folder `results`.
        names: Parts of the labels of row and column (panel and series), to choose among the cells of a csv.

    Returns:
        The chain of one cell, or the list of the cells that match.

    Raises:
        DataError: The path is neither, or nothing matches.
    """
    path = path.resolve()
    results = next((parent for parent in path.parents if parent.name == "results"), None)
    if results is None or not path.exists():
        raise DataError(f"{path}: no such run, table or figure below a folder 'results'.")
    if path.is_dir():
        if not path.is_relative_to(results / "runs"):
            raise DataError(f"{path}: no run; their folders are in {results / 'runs'}. Name one, or a csv.")
        return "\n".join(_run_lines(results, str(path.relative_to(results / "runs"))))
    return _explain_csv(results, path, names)


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
    yield _line("cell", f"{path.relative_to(results)}: {' | '.join(cell[axis] for axis in axes)}")
    yield from (_line(f"  {name}", cell[name]) for name in CELL_KEYS if cell.get(name))
    if cell.get("metric") and cell.get("reproduced"):
        metrics = results / "runs" / cell["run"] / "metrics.json"
        if metrics.is_file() and not _is_of(cell, read_json(metrics)):
            yield _line("  CHANGED", f"{cell['reproduced']} is no value of {metrics.relative_to(results.parent)}")
    for name in ("run", "against_run"):
        if name in cell:
            yield from _run_lines(results, cell[name])


def _run_lines(results: Path, run: str) -> Iterator[str]:
    dataset = Run.parse(run).dataset
    folder = results / "runs" / run
    yield _line("run", run)
    if not (folder / "run_info.json").is_file():
        yield from _recorded_lines(results, run)
        return
    info = read_json(folder / "run_info.json")
    if info.get("not_run"):
        yield _line("  not run", info["not_run"])
    yield from _member_lines(folder, info)
    yield from _result_lines(results, folder)
    yield from _choice_lines(info)
    for path, digest in info["inputs_sha256"].items():
        yield from _input_lines(results.parent / path, path, digest)
    yield from _dataset_lines(results, dataset)
    yield from _origin_lines(info)
    if source := info.get("pretrained"):
        yield _line("pre-trained by", source)
        yield from _run_lines(results, source)


def _recorded_lines(results: Path, run: str) -> Iterator[str]:
    """Yield what the record has of a run that was not computed in this copy."""
    folder = ROOT / RECORD / run
    if not (folder / "run_info.json").is_file():
        yield _line("  not run", "this copy has no result of it")
        return
    info = read_json(folder / "run_info.json")
    yield _line("  recorded", f"{RECORD}/{run}, not computed in this copy")
    yield from _member_lines(folder, info)
    yield from _choice_lines(info)
    for path, digest in info["inputs_sha256"].items():
        here = results.parent / path
        same = here.is_file() and sha256_file(here) == digest
        yield _line("input", f"{path} ({'as in this copy' if same else 'not the file of this copy'})")
        yield _line("  sha256", digest)
    yield from _dataset_lines(results, Run.parse(run).dataset)
    yield from _origin_lines(info)


def _member_lines(folder: Path, info: Mapping[str, Any]) -> Iterator[str]:
    """Yield seed, rows and error of every member."""
    metrics = read_json(folder / "metrics.json") if (folder / "metrics.json").is_file() else {}
    test = metrics.get("test", {}).get("members", {})
    for member, facts in info["members"].items():
        rows = ", ".join(f"{count:,} {role}" for role, count in facts["rows"].items())
        error = f"; test MAE {test[member]['mae']:.6g}" if member in test else ""
        yield _line(f"  member {member}", f"seed {facts['seed']}; {rows}{error}")


def _choice_lines(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield model and protocol."""
    yield _line("  model", _plain(info["cfg"]["model"]))
    yield from (_line(f"  {name}", _plain(part)) for name, part in info["cfg"]["protocol"].items())


def _origin_lines(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield code, versions, machine and time of a training."""
    yield _line("code", f"commit {info['commit'] or 'not known'}")
    yield _line("  training code", info.get("code") or "digest not recorded by this run")
    yield _line("  versions", ", ".join(f"{name} {version}" for name, version in info["versions"].items()))
    engine = info.get("engine") or info["backend"]
    yield _line("  machine", f"{info['host']['processor']}, {info['host']['platform']}; {engine['device']}")
    yield _line("  trained", f"{info['started']} to {info['finished']}")


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
            yield _line("result", f"{path.relative_to(results.parent)} ({state})")
    evaluation = read_record(folder / "metrics.provenance.json")
    if evaluation and predictions.is_file() and sha256_file(predictions) not in evaluation.inputs.values():
        yield _line("  CHANGED", f"{metrics.name} was computed from other predictions than these")


def _input_lines(path: Path, name: str, digest: str) -> Iterator[str]:
    """Yield what a run read, and whether the file is still the same."""
    if not path.is_file():
        state = "no longer here"
    else:
        state = "unchanged" if sha256_file(path) == digest else "CHANGED since the run"
    yield _line("input", f"{name} ({state})")
    yield _line("  sha256", digest)
    if state != "unchanged" or path.suffix != ".parquet":
        return
    about = read_metadata(path)
    if "split" in about:
        yield _line("  split", _plain(about["split"]))
    if "removed" in about:
        removed = f"{_plain(about['removed'])} materials by member, since the fine-tuned run is evaluated on them"
        yield _line("  removed", removed)
    if "part" in about:
        yield _line("  features", f"{about['part']}, {len(about['labels'])} columns, version {about['version']}")
    yield _line("  rows", f"{count_rows(path):,}")


def _dataset_lines(results: Path, dataset: str) -> Iterator[str]:
    funnel = results / "datasets" / dataset / "curation.json"
    if funnel.is_file():
        yield _line("curation", str(funnel.relative_to(results.parent)))
        for step in read_json(funnel)["steps"]:
            dropped = f", {step['dropped']:,} dropped" if step.get("dropped") else ""
            yield _line(f"  {step['step']}", f"{step['rows']:,} rows{dropped}")
    manifest = results.parent / "resources" / "raw" / dataset / "manifest.json"
    if not manifest.is_file():
        yield _line("raw files", f"no {manifest.relative_to(results.parent)} in this copy")
        return
    texts = results / "datasets" / dataset / "about.json"
    about = read_json(texts) if texts.is_file() else {}
    yield _line("raw files", "; ".join(str(about[key]) for key in ("version", "license") if about.get(key)))
    yield _line("  citation", ", ".join(about.get("citation") or ["none given"]))
    for file in read_json(manifest)["files"]:
        yield _line(f"  {file['file']}", f"{file['bytes']:,} bytes of {file['retrieved']} from {file['url']}")
        yield _line("    sha256", file["sha256"])


def _line(name: str, text: str) -> str:
    return f"{name:<22} {text}".rstrip()


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False).replace('"', "")
