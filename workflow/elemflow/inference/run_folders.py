"""Trained runs below a folder of results, and the one that somebody means by a part of its id."""

import difflib
from collections.abc import Iterator
from pathlib import Path

from elemflow.core.errors import DataError
from elemflow.core.run import RUN_KEYS
from elemflow.training.storage import MODEL_FILE, stored_members

MOST_LISTED = 20
"""Most runs that a message lists."""


def trained_runs(results: Path) -> list[str]:
    """Return the ids of the runs with trained members below `results/runs`, sorted.

    Args:
        results: Folder of the results.
    """
    runs = results / "runs"
    found = (file.parents[1] for file in runs.glob(f"{'/'.join('*' for _ in RUN_KEYS)}/model/{MODEL_FILE}"))
    return sorted(str(folder.relative_to(runs)) for folder in found if stored_members(folder / "model"))


def find_run(name: str | None, results: Path) -> Path:
    """Return the folder of the run that a text means.

    Args:
        name: Folder of a run, its id, or any part of the id that no other run has, such as `kefe` or `brnet`, or
            several parts with spaces between them; whole ids of dataset, property, representation, model and protocol
            go before parts of them. None means the only run.
        results: Folder of the results.

    Raises:
        DataError: No run, or more than one, is meant; the message lists the candidates.
    """
    if name is not None and (Path(name) / "model" / MODEL_FILE).is_file():
        return Path(name)
    runs = trained_runs(results)
    if not runs:
        named = "" if name is None else f"'{name}' is the folder of no trained run. "
        raise DataError(
            f"{named}{results / 'runs'}: no trained run. Build one (`make run`, or snakemake), or name its folder "
            "(--run), an exported file (--model) or the folder of the results (--results)."
        )
    if name is None:
        matches, asked = runs, "no run is named, and"
    else:
        whole = name.removeprefix(f"{results}/").removeprefix("runs/").strip("/")
        matches = [run for run in runs if run == whole] or _matches(whole.split(), runs)
        asked = f"'{name}':"
    if len(matches) == 1:
        return results / "runs" / matches[0]
    if matches:
        raise DataError(f"{asked} {len(matches)} runs match; name one by a part of its id:{_listed(matches)}")
    near = difflib.get_close_matches(str(name), runs, n=1, cutoff=0.3)
    hint = f" The nearest is {near[0]}." if near else ""
    raise DataError(f"{asked} no trained run has this in its id.{hint} The runs:{_listed(runs)}")


def _matches(words: list[str], runs: list[str]) -> list[str]:
    """Return the runs that have all words in their id, or the one that has them as whole ids."""
    whole = [run for run in runs if set(words) <= set(run.split("/"))]
    return whole if len(whole) == 1 else [run for run in runs if all(word in run for word in words)]


def project_of(run: Path) -> Path | None:
    """Return the folder of the project that a run lies in, above its `results`; None for a run elsewhere."""
    above = run.absolute().parents
    depth = len(RUN_KEYS) + 1  # runs/ and results/ are above the five ids
    if len(above) <= depth or (above[depth - 1].name, above[depth - 2].name) != ("results", "runs"):
        return None
    return above[depth]


def _listed(runs: list[str]) -> str:
    """Return runs as lines of a message."""
    return "".join(_lines(runs))


def _lines(runs: list[str]) -> Iterator[str]:
    for run in runs[:MOST_LISTED]:
        yield f"\n  {run}"
    if len(runs) > MOST_LISTED:
        yield f"\n  … and {len(runs) - MOST_LISTED} more"
