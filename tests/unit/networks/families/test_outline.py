"""Outlines of networks against the networks themselves."""

from pathlib import Path

import pytest
from factories.toy import build

from elemflow.config.load import load
from elemflow.config.model import NetworkModel
from elemflow.networks.families.outline import outline

NETWORKS = (
    *("brnet", "bnet", "brnet@branches=1024x2-1-1", "brnet@branches=64x1-1", "brnet@width_factor=0.25", "elemnet"),
    *("plain17", "plain17_relu_first", "srnet24", "irnet10", "irnet48", "dnn6"),
    *("fcmnr", "fcunet", "irnet_concatenated", "cnn", "rnn"),
)


@pytest.fixture(scope="module")
def models(root: Path):
    return load({"studies": ["models"]}, root).models


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_parameters_are_those_of_the_network(models, name):
    import keras

    with keras.StatelessScope(initialize_variables=False):  # shapes alone
        network = build(models[name].spec, 86, seed=1)
    assert outline(models[name].spec, 86).parameters == network.count_params()


@pytest.mark.parametrize(
    ("name", "inputs", "parameters"),
    [("brnet", 145, 4_790_049), ("irnet48", 271, 11_815_793), ("plain24", 271, 5_203_633)],
)
def test_the_first_stage_follows_the_inputs(models, name, inputs, parameters):
    assert outline(models[name].spec, inputs).parameters == parameters


def test_stages_say_what_the_declaration_says(models):
    found = outline(models["brnet"].spec, 86).stages[0]
    assert (found.text, found.skip, found.merge, found.does) == ("2 + 2 × 1024", "layer", "sum", "FC, Leaky ReLU")
    assert [stage.skip for stage in outline(models["srnet17"].spec, 86).stages] == ["stage"] * 6
    assert outline(models["elemnet"].spec, 86).stages[0].dropout == 0.2
    assert [stage.skip_from for stage in outline(models["fcunet"].spec, 86).stages][-1] == "down 1"


def test_every_network_that_ships_has_an_outline(models):
    networks = [model for model in models.values() if isinstance(model, NetworkModel)]
    assert networks
    assert all(outline(model.spec, 86) for model in networks)
