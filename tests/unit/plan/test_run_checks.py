"""Runs whose parts do not fit each other are refused before anything is computed."""

import pytest
from factories.configuration import edit

from elemflow.config.load import load
from elemflow.config.model import read_model
from elemflow.core.errors import ConfigError
from elemflow.plan.build import build
from elemflow.plan.run_checks import is_deterministic, needs_structure

ENSEMBLE = {"split": {"members": 3, "split_per_member": False}, "ensemble": "mean"}


def plan(project, **cell):
    """Plan the demo with other runs in a table."""

    def change(study):
        study["tables"] = {"one": {"title": "One", "kind": "errors", "rows": [{"label": "all"}], "columns": [cell]}}
        study |= {"figures": {}, "claims": {}}

    edit(project, "studies/demo.yaml", change)
    config = {"studies": ["demo"], "overrides": {"protocols": {"demo": ENSEMBLE}}}
    return build(load(config, project), {})


CELL = {"label": "m", "dataset": "kebg", "property": "band_gap", "protocol": "demo"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"representation": "st+pa", "model": "random_forest"}, ("'st+pa'", "part 'st'", "'kebg'", "columns.structure")),
        ({"representation": "pa", "model": "linear_regression"}, ("model 'linear_regression'", "'ensemble'", "protocol 'demo'")),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_not_planned(project, change, named):
    with pytest.raises(ConfigError) as caught:
        plan(project, **CELL | change)
    assert all(part in str(caught.value) for part in (*named, "config/studies/demo.yaml: key 'tables.one"))


def test_what_can_be_computed_is_planned(project):
    assert len(plan(project, **CELL | {"representation": "pa", "model": "random_forest"}).runs) == 1


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"estimator": "svr", "parameters": {}}, True),
        ({"estimator": "ridge", "parameters": {}}, True),
        ({"estimator": "ridge", "parameters": {"solver": "saga"}}, False),
        ({"estimator": "lasso", "parameters": {"selection": "random"}}, False),
        ({"estimator": "svr", "parameters": {}, "search": {"method": "grid", "grid": {"C": [1]}}}, False),
        ({"estimator": "random_forest", "parameters": {}}, False),
    ],
)
def test_a_model_without_random_numbers(model, expected):
    assert is_deterministic(read_model({"kind": "estimator"} | model)) is expected


def test_parts_of_structures():
    assert [part for part in ("ef", "pa", "st") if needs_structure(part)] == ["st"]
