"""Every printed value that the studies show, so that no change of their files loses one."""

import csv
from pathlib import Path

from elemflow.config.load import load
from elemflow.plan.build import build
from elemflow.plan.published import read_published, read_published_quantities

KNOWN = Path(__file__).parent / "published_cells.csv"


def test_every_printed_value_is_in_its_cell(root: Path) -> None:
    with KNOWN.open(encoding="utf-8", newline="") as stream:
        expected = [tuple(line.values()) for line in csv.DictReader(stream)]
    folder = root / "resources/published"
    printed = {
        **read_published(folder / "published_mae.csv"),
        **read_published_quantities(folder / "published_other.csv"),
    }
    studies = sorted(path.stem for path in (root / "config/studies").glob("*.yaml"))
    plan = build(load({"studies": studies}, root), printed)
    cells = [
        (study, item, str(cell.row), str(cell.column), cell.published_text, cell.published_source)
        for (study, item), table in plan.tables.items()
        for cell in table.cells
        if cell.published is not None
    ]
    cells += [
        (study, item, str(row), str(column), series.published_text, series.published_source)
        for (study, item), figure in plan.figures.items()
        for row, panel in enumerate(figure.panels)
        for column, series in enumerate(panel.series)
        if series.published is not None
    ]
    assert sorted(cells) == sorted(expected)
