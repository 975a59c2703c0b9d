"""Tables and figures of datasets."""

import json

import pytest
from factories.planning import build, data_figure, property_of, settings, table

from elemflow.core.errors import ConfigError
from elemflow.plan.items import PlannedFigure


def test_figures_of_data_follow_a_property_to_its_dataset():
    chosen = settings(figures={"f": data_figure()})
    chosen.datasets["d1"] = chosen.datasets["d1"] | {
        "title": "First",
        "properties": {},
        "read_from": {"gap": property_of() | {"dataset": "d2", "property": "gap"}},
    }
    series = build(chosen, {}).figures["mine", "f"].panels[0].series
    assert [(one.dataset, one.label) for one in series] == [("d2", "First"), ("d2", "D")]


def test_a_table_of_datasets_has_printed_sizes_and_no_run():
    rows = [{"dataset": "d1"}, {"dataset": "d1", "property": "gap", "published_size": 7}]
    chosen = settings({"t": table(kind="datasets", rows=rows, columns=[{"label": "materials"}])})
    chosen.datasets["d1"] = chosen.datasets["d1"] | {"published_size": {"mine": 9}}
    found = build(chosen, {})
    item = found.tables["mine", "t"]
    assert [row.label for row in item.rows] == ["D", "D · Gap"]
    assert [cell.published_size for cell in item.cells] == [9, 7]
    assert not found.runs_of(item)
    assert found.datasets() == ["d1"]


def test_a_figure_of_datasets_needs_no_run():
    found = build(settings(figures={"f": data_figure()}), {})
    figure = found.figures["mine", "f"]
    assert not found.runs
    assert not found.runs_of(figure)
    assert found.datasets() == ["d1", "d2"]
    assert [series.label for series in figure.panels[0].series] == ["D", "D"]
    assert PlannedFigure.model_validate(json.loads(json.dumps(figure.parameters()))) == figure


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": [{"dataset": "d3"}]}, "key 'figures.f', row 1, column 1: unknown dataset 'd3'"),
        ({"rows": [{"property": "gaps"}]}, "has no property 'gaps'.*Did you mean 'gap'"),
        ({"rows": [{"label": "all"}]}, "no property is given"),
        ({"columns": [{"label": "all"}]}, "no dataset is given"),
    ],
)
def test_a_figure_of_datasets_names_what_exists(change, message):
    with pytest.raises(ConfigError, match=message):
        build(settings(figures={"f": data_figure(**change)}), {})
