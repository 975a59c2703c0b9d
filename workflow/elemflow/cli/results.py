"""`elemflow explain`, `elemflow results` and `elemflow compare`: tables, numbers and runs in the terminal."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from elemflow.cli.options import complete_run, results_option
from elemflow.cli.terminal import folded

if TYPE_CHECKING:
    from elemflow.evaluation.paired import Paired

RECORD = Path("resources/record/cells.csv")
OVERVIEW = "all"
"""Folder of the tables of all studies together."""
INDENT_OF_CHAIN = 23
"""Characters before the texts of a chain from a number to its files."""
SHOWN_OF_RECORD = ("published_source", "row", "column", "unit", "published", "reproduced", "verdict", "members")


@click.command()
@click.argument("path")
@click.argument("names", nargs=-1)
@results_option
def explain(*, path: str, names: Sequence[str], results: Path) -> None:
    """Print where a number comes from, back to the raw files.

    \b
    elemflow explain results/tables/brnet2023/table5.csv KEFE BRNet
    elemflow explain "kefe brnet"

    PATH is the csv of a table or figure, with parts of the labels of row and column, or a run: its folder or a part of
    its id.
    """
    from elemflow.inference.run_folders import find_run
    from elemflow.provenance.explain import explain as chain

    found = Path(path) if Path(path).exists() or path.endswith(".csv") else find_run(path, results)
    click.echo(folded(chain(found, list(names)), INDENT_OF_CHAIN))


@click.command()
@click.argument("study", required=False)
@click.argument("table", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="Print the cells as csv.")
@click.option("--record", is_flag=True, help="List what is recorded of runs at full scale, next to printed values.")
@results_option
def results(*, study: str | None, table: str | None, as_csv: bool, record: bool, results: Path) -> None:
    """Print tables that were built; without STUDY, list them.

    \b
    elemflow results
    elemflow results brnet2023 table5
    """
    if record:
        click.echo(_record(study))
        return
    from elemflow.core.errors import DataError, nearest

    folder = results / "tables"
    studies = sorted(path.name for path in folder.glob("*") if any(path.glob("*.csv")) and path.name != OVERVIEW)
    if not studies:
        raise DataError(f"{folder}: no table is built. Build some: snakemake --cores 2, or make run.")
    if study is None:
        click.echo(_overview(folder, studies))
        return
    if study not in studies:
        raise DataError(f"{folder}: no tables of '{study}'.{nearest(study, studies)} Built: {', '.join(studies)}.")
    tables = sorted(path.stem for path in (folder / study).glob("*.csv"))
    if table is not None and table not in tables:
        raise DataError(f"{folder / study}: no table '{table}'.{nearest(table, tables)} Built: {', '.join(tables)}.")
    for name in [table] if table else tables:
        text = (folder / study / name).with_suffix(".csv" if as_csv else "")
        click.echo(text.read_text(encoding="utf-8"))


@click.command()
@click.argument("run_a", shell_complete=complete_run)
@click.argument("run_b", shell_complete=complete_run)
@results_option
def compare(*, run_a: str, run_b: str, results: Path) -> None:
    """Compare two runs on the test materials that they have in common.

    \b
    elemflow compare "kefe brnet" "kefe extra_trees"

    Differences are error of A minus error of B, paired by material, with a standard error clustered by composition and
    a bootstrap interval of 95 %.
    """
    from elemflow.core.errors import DataError
    from elemflow.evaluation.paired import compare_runs
    from elemflow.inference.run_folders import find_run
    from elemflow.training.storage import read_run_config

    a, b = (find_run(name, results) for name in (run_a, run_b))
    unit, other = (read_run_config(folder / "model").property.unit for folder in (a, b))
    if unit != other:
        raise DataError(f"{a} is in {unit} and {b} in {other}; compare runs of one property.")
    click.echo("\n".join(_comparison_lines(compare_runs(a, b), (a, b), unit)))


def _overview(folder: Path, studies: Sequence[str]) -> str:
    """Return study, name, number of cells and title of every table."""
    from elemflow.cli.terminal import aligned, column_widths

    rows = []
    for study in studies:
        for path in sorted((folder / study).glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as stream:
                cells = list(csv.DictReader(stream))
            done = sum(bool(cell["reproduced"]) for cell in cells) if cells and "reproduced" in cells[0] else len(cells)
            text = path.with_suffix("")
            title = text.read_text(encoding="utf-8").partition("\n")[0].strip("*") if text.is_file() else ""
            rows.append([study, path.stem, f"{done} of {len(cells)}", title])
    indent = sum(width + 2 for width in column_widths(["study", "table", "cells"], [row[:3] for row in rows]))
    return folded(aligned(["study", "table", "cells", "title"], rows), indent)


def _record(study: str | None) -> str:
    """Return the cells of the papers' tables that were computed at full scale.

    Raises:
        DataError: None is of this study.
    """
    from elemflow.cli.terminal import MISSING, aligned
    from elemflow.core.errors import DataError, nearest
    from elemflow.core.places import ROOT

    with (ROOT / RECORD).open(encoding="utf-8", newline="") as stream:
        every = list(csv.DictReader(stream))
    cells = [cell for cell in every if study in (None, cell["study"])]
    if study and not cells:
        studies = sorted({cell["study"] for cell in every})
        raise DataError(
            f"{RECORD}: nothing is recorded of '{study}'.{nearest(study, studies)} Recorded: {', '.join(studies)}."
        )
    rows = [[_short(cell[name]) or MISSING for name in SHOWN_OF_RECORD] for cell in cells]
    return aligned(SHOWN_OF_RECORD, rows)


def _short(text: str) -> str:
    """Return a number with four digits, any other text as it is."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text


def _comparison_lines(found: "Paired", folders: Sequence[Path], unit: str) -> Iterator[str]:
    from elemflow.cli.terminal import aligned, decimals_of, number

    decimals = decimals_of(max(found.a.mae, found.b.mae))
    for name, folder in zip("AB", folders, strict=True):
        yield f"{name}  {folder}"
    common = f"{found.materials:,} common test materials of {found.compositions:,} compositions"
    yield f"{common}; A has {found.a.materials:,} test materials, B {found.b.materials:,}"
    yield ""
    measures = {"mean absolute error": "mae", "root mean squared error": "rmse", "median absolute error": "median"}
    rows = []
    for name, key in measures.items():
        a, b = getattr(found.a, key), getattr(found.b, key)
        rows.append([f"{name} [{unit}]", *(number(value, decimals) for value in (a, b, a - b))])
    yield aligned(["", "A", "B", "A - B"], rows)
    yield ""
    spread = "" if found.standard_error is None else f" ± {found.standard_error:.{decimals}f} (standard error)"
    ends = f"{found.low:.{decimals}f} to {found.high:.{decimals}f}"
    yield f"difference of the mean absolute errors [{unit}]: {found.difference:.{decimals}f}{spread}"
    yield f"95 % interval [{unit}]: {ends}"
    yield f"closer: A for {found.a_closer:,} materials, B for {found.b_closer:,}"
    yield ""
    yield "largest differences:"
    columns = [[number(value, decimals) for value in found.largest[name]] for name in ("y_true", "a", "b")]
    rows = [list(row) for row in zip(found.largest["material_id"], *columns, strict=True)]
    yield aligned(["material", f"value [{unit}]", "error of A", "error of B"], rows)
