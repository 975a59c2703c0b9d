import numpy as np
import pandas as pd
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from factories.reporting import (
    check_failure_is_shown,
    make_cell,
    make_common,
    name_run,
    place,
    planned,
    table_files,
    write_run,
)

from elemflow.core.files import read_json
from elemflow.reporting.index import write_tables_index
from elemflow.reporting.tables.kinds.intervals import BUILDER


@pytest.fixture
def metrics(tmp_path):
    run = name_run("brnet")
    return {run: write_run(tmp_path / "runs", run, [0.1, 0.2]) / "metrics.json"}


def make_levels():
    cells = [make_cell("brnet", 0, None) | {"level": 50}, make_cell("brnet", 1, None)]
    cells += [make_cell("bnet", 0, None, row=1), make_cell("bnet", 1, None, row=1) | {"missing": "BNet was lost"}]
    table = {"table": "levels", "title": "Intervals", "kind": "intervals", "note": "A note.", "cells": cells}
    rows, columns = [{"label": "BRNet"}, {"label": "BNet"}], [{"label": "50 %"}, {"label": "90 %"}]
    return make_common() | table | {"rows": rows, "columns": columns}


def test_coverage_and_width_are_those_of_the_level(tmp_path, metrics):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_levels()), metrics, {}, outputs)
    coverage = read_json(metrics[name_run("brnet")])["test"]["uncertainty"]["normalised"]
    cells = pd.read_csv(outputs["csv"]).query("interval == 'normalised' and model == 'brnet'")
    assert cells["level"].tolist() == [50, 90]
    assert cells["coverage"].tolist() == pytest.approx([coverage["coverage"][level] for level in ("50", "90")])
    assert cells["width"].tolist() == pytest.approx([coverage["width"][level] for level in ("50", "90")])
    least_sure = read_json(metrics[name_run("brnet")])["test"]["uncertainty"]["by_spread"][-1]["coverage"]["normalised"]
    assert cells["coverage_least_sure"].tolist()[1] == pytest.approx(least_sure)
    assert np.isnan(cells["coverage_least_sure"].tolist()[0])
    for name in ("text", "md", "tex", "html"):
        page = outputs[name].read_text(encoding="utf-8").replace("\\", "").replace("ensuremath{pm}", "±")
        shown = f"± {coverage['width']['90'] / 2:.3g} eV/atom"
        for part in (f"{100 * coverage['coverage']['90']:.1f} % ({shown})", "no data", "not run", "A note."):
            assert part in page, (name, part)


def test_a_failed_run_is_shown_and_columns_have_heads(tmp_path, metrics):
    outputs = check_failure_is_shown(BUILDER, make_levels(), metrics, tmp_path, name_run("bnet"))
    heads = list(publish_doctree(outputs["text"].read_text(encoding="utf-8")).findall(nodes.thead))
    assert heads
    assert BUILDER.read_frame(outputs["csv"])["missing"].dropna().unique().tolist() == ["BNet was lost"]
    assert all(entry.astext() for head in heads for entry in head.findall(nodes.entry))


def test_overview_holds_it(tmp_path, metrics):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_levels()), metrics, {}, outputs)
    write_tables_index(tmp_path / "all", [table_files(make_levels(), outputs)])
    assert "Intervals" in (tmp_path / "all/index.html").read_text()
    assert len(pd.read_csv(tmp_path / "all/intervals.csv")) == 4 * 4
