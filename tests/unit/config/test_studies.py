"""The papers' studies: every value that a printed table holds stands in a table of ours."""

import csv
import re
import shutil
from collections import Counter

import pytest
import yaml

from elemflow.config.load import load
from elemflow.plan.build import build
from elemflow.plan.published import read_published, read_published_quantities

PAPERS = ("brnet2023", "irnet2021", "irnet2019", "tatis2021", "huang2020")


@pytest.fixture(scope="module")
def plan(root):
    settings = load({"studies": list(PAPERS)}, root)
    folder = root / "resources/published"
    printed = read_published_quantities(folder / "published_other.csv")
    return build(settings, {**read_published(folder / "published_mae.csv"), **printed})


@pytest.mark.parametrize("study", PAPERS)
def test_every_printed_table_is_whole(root, plan, study):
    with (root / "resources/published/published_mae.csv").open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["study"] == study and line["table"] != "text"]
    printed = Counter((f"{study} {line['table']}", line["mae"]) for line in lines)
    cells = (cell for (of, _), table in plan.tables.items() if of == study for cell in table.cells)
    shown = Counter((cell.published_source, cell.published_text) for cell in cells if cell.published)
    assert not printed - shown


def test_what_is_missing_has_a_reason_and_no_run(plan):
    cells = [cell for table in plan.tables.values() for cell in table.cells if cell.missing]
    assert len(cells) > 10
    assert all(len(cell.missing) > 10 for cell in cells)
    assert len({run.path for run in plan.runs}) == len(plan.runs)


def test_the_study_that_the_docs_work_through_can_be_planned(root, tmp_path):
    shutil.copytree(root / "config", tmp_path / "config")
    page = (root / "docs/guide/own_data.md").read_text(encoding="utf-8")
    dataset, tables, figures, *_ = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "config/datasets/alloys.yaml").write_text(dataset, encoding="utf-8")
    (tmp_path / "config/studies/alloys.yaml").write_text(tables + figures, encoding="utf-8")
    plan = build(load({"studies": ["alloys"]}, tmp_path), {})
    models = {cell.model for cell in plan.tables["alloys", "errors"].cells}
    assert {run.model for run in plan.runs} == models
    assert {figure for _, figure in plan.figures} == {"parity", "calibration"}
    extra = re.search(r"`- ({label: support vectors.*?})`", page)
    assert yaml.safe_load(extra[1])["model"] in load({"studies": ["alloys"]}, tmp_path).models
