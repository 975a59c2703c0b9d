import json

import pytest
from factories.reporting import make_common, place, planned, table_files

from elemflow.reporting.index import write_tables_index
from elemflow.reporting.tables.kinds.datasets import BUILDER


@pytest.fixture
def curation(tmp_path):
    path = tmp_path / "curation.json"
    path.write_text(json.dumps({"entries": 3000, "materials": 2000, "properties": {"gap": {"values": 500}}}))
    return {"kefe": path}


def make_sizes():
    cells = [
        {"row": i, "column": 0, "dataset": dataset, "property": prop, "published_size": size, "missing": missing}
        for i, (dataset, prop, size, missing) in enumerate(
            [
                ("kefe", "", 2135, ""),
                ("kefe", "gap", None, ""),
                ("aflow", "", 234299, "not retrieved"),
                ("mp", "", None, ""),
            ]
        )
    ]
    rows = [{"label": label} for label in ("KEFE", "KEFE · Gap", "AFLOWLIB", "MP")]
    table = {"table": "table1", "title": "Sizes", "kind": "datasets", "note": "", "rows": rows}
    return make_common() | table | {"columns": [{"label": "materials"}], "cells": cells}


def test_sizes_stand_next_to_the_printed_ones(tmp_path, curation):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_sizes()), {}, curation, outputs)
    cells = BUILDER.read_frame(outputs["csv"])
    assert cells["materials"].tolist()[:2] == [2000, 500]
    assert cells["difference_percent"][0] == pytest.approx(100 * (2000 / 2135 - 1))
    for name in ("text", "md", "tex", "html"):
        page = outputs[name].read_text(encoding="utf-8")
        for part in ("2,135", "2,000", "500", "no data", "not run", "not retrieved (1)"):
            assert part in page, (name, part)
    assert "Runs behind" not in outputs["html"].read_text()


def test_overview_lists_sizes_apart(tmp_path, curation):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_sizes()), {}, curation, outputs)
    write_tables_index(tmp_path / "all", [table_files(make_sizes(), outputs)])
    assert "2000" in (tmp_path / "all/datasets.csv").read_text()
