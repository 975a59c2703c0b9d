"""Numbers of the papers besides errors: each is shown by a table or quoted by a claim."""

import csv
from pathlib import Path

import pytest

from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.plan import claims, paths
from elemflow.plan.build import build
from elemflow.plan.published import find_quoted, read_published_quantities
from elemflow.record.cells import PAPERS, read_printed


@pytest.fixture(scope="module")
def settings(root: Path):
    return load({"studies": list(PAPERS)}, root)


@pytest.fixture(scope="module")
def plan(settings, root: Path):
    return build(settings, read_printed(root))


def test_every_line_is_shown_by_a_table_or_quoted_by_a_claim(root, settings, plan):
    quoted = {
        (name, each) for name in PAPERS for claim in settings.studies[name].claims.values() for each in claim.quotes
    }
    shown = {
        cell.published_line
        for table in plan.tables.values()
        if table.kind == "quantities"
        for cell in table.cells
        if cell.published is not None
    }
    with (root / paths.PUBLISHED_OTHER).open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    unread = [
        (number, line["study"], line["quantity"])
        for number, line in enumerate(lines, start=2)
        if number not in shown and (line["study"], line["quantity"]) not in quoted
    ]
    assert unread == []
    assert len(lines) == len(shown) + len(quoted)


def test_a_claim_shows_what_it_quotes(settings, plan):
    found = claims.build(settings, plan)["brnet2023"].claims["against_automl"]
    assert found.source == "discussion of Figure 1 (prints 70 %)"


def test_a_number_that_is_not_printed_is_refused(root):
    printed = read_published_quantities(root / paths.PUBLISHED_OTHER)
    with pytest.raises(ConfigError, match=r"quotes': 0 numbers of brnet2023.*max_reduction_automl"):
        find_quoted(printed, "brnet2023", "max_reduction_automls", "key 'quotes'")
    with pytest.raises(ConfigError, match=r"22 numbers|11 numbers"):
        find_quoted(printed, "brnet2023", "parameters", "key 'quotes'")
