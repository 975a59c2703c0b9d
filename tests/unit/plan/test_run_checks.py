"""Runs whose parts do not fit each other are refused before anything is computed."""

import pytest
from factories.configuration import edit, make_protocol

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
        ({"representation": "pa", "model": "ridge"}, ("model 'ridge'", "its search tries the same", "protocol 'demo'")),
        ({"representation": "ef+pa", "model": "ridge", "protocol": "recommended"}, ("model 'ridge'", "'recommended'")),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_not_planned(project, change, named):
    with pytest.raises(ConfigError) as caught:
        plan(project, **CELL | change)
    assert all(part in str(caught.value) for part in (*named, "config/studies/demo.yaml: key 'tables.one"))


def test_what_can_be_computed_is_planned(project):
    assert len(plan(project, **CELL | {"representation": "pa", "model": "random_forest"}).runs) == 1


def test_a_cell_without_a_run_may_name_members_that_are_the_same(project):
    assert not plan(project, **CELL | {"representation": "pa", "model": "ridge", "missing": "not trained"}).runs


@pytest.mark.parametrize("model", ["svr", "random_forest"])
def test_own_data_guide_plans_members_that_differ(project, model):
    cell = CELL | {"representation": "ef+pa", "model": model, "protocol": "recommended"}
    assert len(plan(project, **cell).runs) == 1


SHARED = {"members": 3, "split_per_member": False}
"""Members that share a split with a validation set."""
GRID = {"method": "grid", "grid": {"alpha": [0.1, 1.0]}}


def deterministic(model, split=SHARED, **keys):
    """Return whether members of a split are the same."""
    return is_deterministic(read_model(model), make_protocol(split, ensemble="mean", **keys))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"estimator": "svr"}, True),
        ({"estimator": "ridge"}, True),
        ({"estimator": "ridge", "parameters": {"solver": "saga"}}, False),
        ({"estimator": "lasso", "parameters": {"selection": "random"}}, False),
        ({"estimator": "random_forest"}, False),
        ({"estimator": "ridge", "search": GRID}, True),
        ({"estimator": "kernel_ridge", "search": GRID}, True),
        ({"estimator": "ridge", "search": GRID | {"select_by": "validation"}}, True),
        ({"estimator": "ridge", "search": GRID | {"select_by": "inner_cv"}}, False),
        ({"estimator": "ridge", "search": GRID | {"method": "random", "trials": 2}}, True),
        ({"estimator": "ridge", "search": GRID | {"method": "random", "trials": 1}}, False),
        ({"estimator": "ridge", "search": GRID | {"method": "tpe", "trials": 2}}, False),
        ({"estimator": "ridge", "search": {"method": "grid", "grid": {"solver": ["svd", "sag"]}}}, False),
        ({"estimator": "ridge", "search": {"method": "grid", "grid": {"solver": ["svd", "lsqr"]}}}, True),
        ({"estimator": "random_forest", "search": {"method": "grid", "grid": {"max_depth": [2]}}}, False),
    ],
)
def test_a_model_whose_members_are_the_same(model, expected):
    assert deterministic({"kind": "estimator", "parameters": {}} | model) is expected


def test_a_search_on_inner_folds_follows_the_seed():
    ridge = {"kind": "estimator", "estimator": "ridge", "search": GRID}
    column = {"scheme": "column", "column": "set", "members_per_fold": 3}
    assert not deterministic(ridge, SHARED | {"train": 0.9, "validation": 0.0})
    assert not deterministic(ridge, column), "the column may have no validation set"
    assert deterministic(ridge, column, uncertainty=True)


def test_the_best_of_models_without_a_seed():
    ridge, forest = {"estimator": "ridge", "search": GRID}, {"estimator": "random_forest"}

    def best_of(*candidates, trials=2):
        named = {str(number): each for number, each in enumerate(candidates)}
        return {"kind": "best_of", "models": list(named), "trials": trials, "candidates": named}

    assert deterministic(best_of(ridge, {"estimator": "svr"}))
    assert not deterministic(best_of(ridge, forest))
    assert not deterministic(best_of(ridge, trials=1))
    assert not deterministic(best_of(ridge) | {"select_by": "inner_cv"})


def test_parts_of_structures():
    assert [part for part in ("ef", "pa", "st") if needs_structure(part)] == ["st"]
