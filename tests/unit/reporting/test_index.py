import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from factories.reporting import make_figure, make_table, name_run, place, planned, table_files, write_run

from elemflow.config.kinds import TABLE_KINDS
from elemflow.reporting.comparability import MARKS
from elemflow.reporting.figures.build import write_figure
from elemflow.reporting.index import FigureFiles, write_figures_index, write_tables_index
from elemflow.reporting.tables.base import load_builder
from elemflow.reporting.tables.kinds.errors import BUILDER
from elemflow.reporting.tables.recorded_values import MARK


@pytest.fixture
def runs(tmp_path):
    return {name_run("brnet"): write_run(tmp_path / "runs", name_run("brnet"), [0.095, 0.097])}


def links_of(page):
    links = re.findall(r'(?:href|src)="([^"#]+)"', page.read_text(encoding="utf-8"))
    assert links
    return links


def make_tables(tmp_path, runs):
    tables = []
    for name, study in (("table5", "brnet2023"), ("table6", "brnet2023"), ("table5", "own")):
        outputs = place(tmp_path / "results" / study / name, "table")
        cfg = make_table(["BRNet", "BNet"], ["0.070", "0.1"]) | {"table": name, "study": study, "study_title": study}
        BUILDER.write(planned(cfg), {run: folder / "metrics.json" for run, folder in runs.items()}, {}, outputs)
        tables.append(table_files(cfg, outputs))
    return tables


def make_figures(tmp_path, runs):
    figures = []
    for kind in ("bars", "parity"):
        outputs = place(tmp_path / "results" / kind, "figure")
        cfg = make_figure(kind, ["BRNet"]) | {"figure": kind, "title": "<b>&"}
        write_figure(planned(cfg), runs, {}, outputs)
        figures.append(FigureFiles(planned(cfg), outputs))
    return figures


@pytest.mark.parametrize("kind", ["errors", "test_set_selection"])
def test_every_page_rounds_the_same_value(tmp_path, kind):
    errors = {"brnet": 0.1004999996, "bnet": 0.1023}  # 0.100 as it is, but 0.1005 in eight digits
    runs = {name_run(model): write_run(tmp_path / "runs", name_run(model), [error]) for model, error in errors.items()}
    cfg = make_table(["BRNet", "BNet"], [None, None]) | {"kind": kind}
    outputs, own, shown = place(tmp_path / "out", "table"), load_builder(kind), []

    def view(table, lines, curation):
        shown.append(lines)
        return own.view(table, lines, curation)

    metrics = {run: folder / "metrics.json" for run, folder in runs.items()}
    replace(own, view=view).write(planned(cfg), metrics, {}, outputs)
    assert shown[0] == own.read(outputs["csv"])
    write_tables_index(tmp_path / "index", [table_files(cfg, outputs)])
    pages = [outputs["text"], outputs["md"], outputs["html"], tmp_path / "index/index.html"]
    assert {re.search(r"0\.10[01]\b", page.read_text(encoding="utf-8"))[0] for page in pages} == {"0.101"}


def test_tables_index_is_self_contained(tmp_path, runs):
    write_tables_index(tmp_path / "index", make_tables(tmp_path, runs))
    shutil.rmtree(tmp_path / "results")
    folder = shutil.move(tmp_path / "index", tmp_path / "elsewhere")
    page = folder / "index.html"
    links = set(links_of(page))
    assert all((folder / link).is_file() for link in links)
    assert {kind.overview for kind in TABLE_KINDS.values()} <= links
    assert page.read_text(encoding="utf-8").count("<h2>") == 2  # studies
    assert page.read_text(encoding="utf-8").count("not run") == 3
    cells = pd.read_csv(folder / "cells.csv", dtype={"published": str})
    assert cells.groupby(["study", "table"]).size().to_dict() == {
        ("brnet2023", "table5"): 2,
        ("brnet2023", "table6"): 2,
        ("own", "table5"): 2,
    }
    assert set(cells["published"]) == {"0.070", "0.1"}


def test_the_page_of_all_tables_explains_its_marks(tmp_path, runs):
    write_tables_index(tmp_path / "all", make_tables(tmp_path, runs))
    page = (tmp_path / "all/index.html").read_text(encoding="utf-8")
    for mark in (*MARKS.values(), MARK):
        assert re.search(rf"{mark} (?:from|on)", page), mark


def test_figures_index_is_self_contained(tmp_path, runs):
    write_figures_index(tmp_path / "index", make_figures(tmp_path, runs))
    shutil.rmtree(tmp_path / "results")
    folder = shutil.move(tmp_path / "index", tmp_path / "elsewhere")
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert all((folder / link).is_file() for link in links_of(folder / "index.html"))
    assert "<b>&" not in page
    assert "0.0960 ± 0.0014" in page
    numbers = pd.read_csv(folder / "numbers.csv")
    assert set(numbers["figure"]) == {"bars", "parity"}
    assert set(numbers["quantity"]) >= {"reproduced", "prediction", "absolute_error_percentile"}


def test_equal_bytes(tmp_path, runs):
    tables, figures = make_tables(tmp_path, runs), make_figures(tmp_path, runs)
    for name in ("a", "b"):
        write_tables_index(tmp_path / name / "tables", tables)
        write_figures_index(tmp_path / name / "figures", figures)
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) == 4 + 2 * len(TABLE_KINDS) + 6
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def test_empty_indexes(tmp_path):
    write_tables_index(tmp_path / "tables", [])
    write_figures_index(tmp_path / "figures", [])
    assert pd.read_csv(tmp_path / "tables" / "cells.csv").empty
    assert pq.read_table(tmp_path / "tables" / "cells.parquet").num_rows == 0
    assert "study" in pd.read_csv(tmp_path / "figures" / "numbers.csv").columns


def test_lines_of_all_tables_are_the_same_in_parquet(tmp_path, runs):
    tables = make_tables(tmp_path, runs)
    for name in ("first", "second"):
        write_tables_index(tmp_path / name, tables)
    for kind in TABLE_KINDS.values():
        csv = tmp_path / "first" / kind.overview
        found = csv.with_suffix(".parquet")
        assert found.read_bytes() == (tmp_path / "second" / found.name).read_bytes()
        schema = pq.read_schema(found)
        assert not schema.metadata
        assert schema.names == csv.read_text(encoding="utf-8").splitlines()[0].split(",")
    cells = pq.read_table(tmp_path / "first/cells.parquet").to_pandas()
    assert cells["reproduced"].dtype == "float64"
    expected = pd.read_csv(tmp_path / "first/cells.csv", float_precision="round_trip")
    np.testing.assert_array_equal(cells["reproduced"], expected["reproduced"])
    assert cells["study"].tolist() == expected["study"].tolist()
