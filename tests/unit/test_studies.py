"""The papers' studies: every value that a printed table holds stands in a table of ours."""

import csv
from collections import Counter

import pytest

from elemflow.config import load
from elemflow.plan import build
from elemflow.published import read_published

PAPERS = ("brnet2023", "irnet2021", "irnet2019", "tatis2021", "huang2020")


@pytest.fixture(scope="module")
def plan(root):
    settings = load({"studies": list(PAPERS)}, root)
    return build(settings, read_published(root / "resources/published/published_mae.csv"))


@pytest.mark.parametrize("study", PAPERS)
def test_every_printed_table_is_whole(root, plan, study):
    with (root / "resources/published/published_mae.csv").open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["study"] == study and line["table"] != "text"]
    printed = Counter((f"{study} {line['table']}", line["mae"]) for line in lines)
    cells = (cell for (of, _), table in plan.tables.items() if of == study for cell in table["cells"])
    shown = Counter((cell["published_source"], cell["published_text"]) for cell in cells if cell.get("published"))
    assert not printed - shown


def test_what_is_missing_has_a_reason_and_no_run(plan):
    cells = [cell for table in plan.tables.values() for cell in table["cells"] if cell["missing"]]
    assert len(cells) > 10
    assert all(len(cell["missing"]) > 10 for cell in cells)
    assert len({run.path for run in plan.runs}) == len(plan.runs)
