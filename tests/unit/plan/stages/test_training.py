"""Parameters, inputs and resources of training for plain wildcards."""

import pytest
from factories.jobs import wildcards

from elemflow.core.errors import ConfigError
from elemflow.core.run import Run


def test_a_run_is_trained_on_features_materials_and_split(wf, run, empty):
    job = wildcards(run)
    parts = run.representation.split("+")
    assert wf.training.features(job) == [f"results/features/{run.dataset}/{part}.parquet" for part in parts]
    assert wf.training.materials(job) == f"results/datasets/{run.dataset}/materials.parquet"
    assert wf.training.split(job) == f"results/splits/{run.dataset}/{run.property}/{run.protocol}.parquet"
    assert wf.training.pretrained(job) == []
    assert wf.training.gpus(job) == 1


def test_titles_and_report_are_no_parameter_of_training(wf, run):
    cfg = wf.training.cfg(wildcards(run))
    assert cfg["run"] == run.keys()
    assert not {"title", "report", "ensemble", "uncertainty"} & set(cfg["protocol"])
    assert not {"title", "published"} & set(cfg["model"])
    assert "report" in wf.evaluation.cfg(wildcards(run))


def test_a_property_that_a_dataset_lacks_is_named(wf, run):
    with pytest.raises(ConfigError, match=f"'{run.dataset}' has no property 'nothing'"):
        wf.training.cfg(wildcards(Run.of(run.keys() | {"property": "nothing"})))


def test_memory_of_a_training_grows_with_each_attempt(wf, run, empty):
    assert wf.training.memory_mb(wildcards(run), 2) == 2 * wf.training.memory_mb(wildcards(run), 1)
    assert wf.training.minutes(wildcards(run), 1) >= 30


def test_a_base_that_the_workflow_builds_is_an_input_and_one_from_a_file_is_none(wf, empty):
    keys = {"dataset": "kefe", "property": "formation_energy", "representation": "ef+pa", "protocol": "fine_tuned_base"}
    built = wildcards(Run.of(keys | {"model": "fine_tuned_crabnet_base"}))
    file = "results/bases/elemflow_crabnet/elemflow_crabnet.elemflow"
    assert wf.training.base(built) == [file]
    assert wf.training.cfg(built)["model"]["file"] == file
    shipped = wildcards(Run.of(keys | {"model": "fine_tuned_base"}))
    assert wf.training.base(shipped) == []
    assert wf.training.cfg(shipped)["model"]["file"] == "resources/models/elemflow_base.elemflow"
