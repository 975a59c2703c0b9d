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

from elemflow.core.files import read_json, write_json
from elemflow.plan.published import QUANTITIES
from elemflow.reporting.index import write_tables_index
from elemflow.reporting.tables.kinds.quantities import BUILDER, measure

MEMBER = {
    "parameters": {"total": 4548385},
    "seconds_per_epoch": 0.5,
    "seconds_fitting": 300.0,
    "seconds_predicting": 0.125,
    "rows": {"train": 1729, "validation": 192, "test": 214},
}


@pytest.fixture
def metrics(tmp_path):
    run = name_run("brnet")
    folder = write_run(tmp_path / "runs", run, [0.1, 0.2])
    slower = MEMBER | {"seconds_per_epoch": 1.5}
    write_json(folder / "run_info.json", {"members": {"0": MEMBER, "1": slower}, "engine": {"device": "cpu"}})
    return {run: folder / "metrics.json"}


def make_quantities():
    shown = list(QUANTITIES)
    printed = ["4548385", "18.3", "87", None, None]
    cells = [
        make_cell("brnet", column, text) | {"quantity": name, "unit": QUANTITIES[name].unit}
        for column, (name, text) in enumerate(zip(shown, printed, strict=True))
    ]
    cells += [
        make_cell("bnet", column, None, row=1) | {"quantity": name, "unit": "1"} for column, name in enumerate(shown)
    ]
    cells[-1] |= {"missing": "BNet was lost"}
    table = {"table": "costs", "title": "Costs", "kind": "quantities", "note": "A note.", "cells": cells}
    return (
        make_common()
        | table
        | {"rows": [{"label": "BRNet"}, {"label": "BNet"}], "columns": [{"label": n} for n in shown]}
    )


def test_values_are_means_over_members_next_to_the_printed_ones(tmp_path, metrics):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_quantities()), metrics, {}, outputs)
    cells = pd.read_csv(outputs["csv"]).query("model == 'brnet'")
    assert cells["reproduced"].tolist() == pytest.approx([4548385, 18.19354, 1.0, 300, 0.125])
    assert cells["difference_percent"].tolist()[:2] == pytest.approx([0, 100 * (18.19354 / 18.3 - 1)])
    for name in ("text", "md", "tex", "html"):
        page = " ".join(outputs[name].read_text(encoding="utf-8").replace("\\", "").split())
        for part in ("4,548,385", "18.2", "no data", "not run", "A note.", "1,729", "not compared with printed ones"):
            assert part in page, (name, part)


def test_parameters_and_size_of_a_network_without_a_run_are_counted(tmp_path):
    cfg = make_quantities()
    cfg["cells"][0]["counted"] = 4548385
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(cfg), {}, {}, outputs)
    cells = pd.read_csv(outputs["csv"]).query("model == 'brnet'")
    assert cells["reproduced"].fillna(0).tolist() == pytest.approx([4548385, 18.19354, 0, 0, 0])
    assert cells["members"].tolist() == [0] * 5
    text = " ".join(outputs["text"].read_text().split())
    assert "4,548,385 #" in text
    assert "Values marked # are counted from the declared networks, without a run: 2 cells." in text
    page = " ".join(outputs["html"].read_text().split())
    assert page.count("#</") == 2


def test_times_of_other_machines_are_not_compared(tmp_path, metrics):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_quantities()), metrics, {}, outputs)
    cells = pd.read_csv(outputs["csv"], index_col="quantity").query("model == 'brnet'")
    assert cells.loc["training_time_per_epoch", "published"] == 87
    assert pd.isna(cells.loc["training_time_per_epoch", "difference_percent"])


@pytest.mark.parametrize(
    ("engine", "host", "name"),
    [
        ("cpu", {"processor": "AMD EPYC", "threads": 1}, "AMD EPYC, 1 thread"),
        ("cpu", {"processor": "Intel Xeon", "threads": 4}, "Intel Xeon, 4 threads"),
        ("NVIDIA H200", {"processor": "AMD EPYC", "threads": 1}, "NVIDIA H200"),
        ("cpu", {}, "cpu"),
    ],
)
def test_the_device_is_the_processor_with_its_threads_or_the_gpu(tmp_path, metrics, engine, host, name):
    [path] = metrics.values()
    info = read_json(path.with_name("run_info.json")) | {"engine": {"device": engine}}
    write_json(path.with_name("run_info.json"), info | ({"host": host} if host else {}))
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_quantities()), metrics, {}, outputs)
    assert pd.read_csv(outputs["csv"]).query("model == 'brnet'")["device"].unique().tolist() == [name]


def test_estimators_and_older_runs_have_none():
    forest = {"rows": MEMBER["rows"], "seconds_fitting": 3.0}
    assert [measure(forest, name) for name in QUANTITIES] == [None] * 5


def test_a_failed_run_is_shown_and_columns_have_heads(tmp_path, metrics):
    outputs = check_failure_is_shown(BUILDER, make_quantities(), metrics, tmp_path, name_run("bnet"))
    heads = list(publish_doctree(outputs["text"].read_text(encoding="utf-8")).findall(nodes.thead))
    assert heads
    assert BUILDER.read_frame(outputs["csv"])["missing"].dropna().unique().tolist() == ["BNet was lost"]
    assert all(entry.astext() for head in heads for entry in head.findall(nodes.entry))


def test_overview_holds_it(tmp_path, metrics):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_quantities()), metrics, {}, outputs)
    write_tables_index(tmp_path / "all", [table_files(make_quantities(), outputs)])
    assert "Costs" in (tmp_path / "all/index.html").read_text()
    assert len(pd.read_csv(tmp_path / "all/quantities.csv")) == 10
