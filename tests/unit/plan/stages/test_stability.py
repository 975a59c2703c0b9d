"""Inputs and parameters of hulls and of the stability of runs."""

import pytest
from factories.jobs import wildcards

from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.core.run import Run
from elemflow.plan.workflow import Workflow


@pytest.fixture(scope="module")
def stability(root):
    return Workflow.load({"studies": ["stability"]}, root)


def run_of(protocol):
    return Run("critexam_ef", "formation_energy", "ef+pa", "brnet_damped", protocol)


def test_a_run_is_assessed_with_its_nested_run(stability, empty):
    job = wildcards(run_of("stability"))
    assert stability.stability.inputs(job) == [
        "results/runs/critexam_ef/formation_energy/ef+pa/brnet_damped/stability/predictions.parquet",
        "results/datasets/critexam_ef/materials.parquet",
        "results/splits/critexam_ef/formation_energy/stability.parquet",
    ]
    assert stability.stability.nested(job) == [
        "results/runs/critexam_ef/formation_energy/ef+pa/brnet_damped/stability_nested/predictions.parquet"
    ]
    assert stability.stability.cfg(job) == {"property": "formation_energy", "members_per_split": 3}


def test_without_the_key_there_is_no_nested_run(stability, empty):
    assert stability.stability.nested(wildcards(run_of("stability_systems"))) == []


def test_the_nested_protocol_trains_nothing_else(stability):
    assert "nested" not in stability.training.cfg(wildcards(run_of("stability")))["protocol"]


def test_a_hull_is_made_of_the_materials(stability, empty):
    job = wildcards(run_of("stability"))
    assert stability.stability.hull_materials(job) == "results/datasets/critexam_ef/materials.parquet"
    assert stability.stability.hull_cfg(job)["source"]["dataset"] == "critexam_ef"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"stability": {"nested": "stability_nestd"}}, "stability_nested"),
        ({"stability": {"nested": "recipe"}}, "k_fold_pairs"),
        ({"stability_nested": {"split": {"seed": 1}}}, "2020"),
    ],
)
def test_a_nested_run_of_other_folds_is_refused(root, changes, named):
    with pytest.raises(ConfigError, match=named):
        load({"studies": ["stability"], "overrides": {"protocols": changes}}, root)
