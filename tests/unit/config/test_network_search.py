"""Declarations of searches over networks."""

from pathlib import Path

import pytest
import yaml

from elemflow.config.load import load
from elemflow.config.model import NetworkSearchModel
from elemflow.config.network_search import applied, check_search, values_of
from elemflow.core.errors import ConfigError


@pytest.fixture(scope="module")
def settings(root: Path):
    return load({"studies": ["huang2020", "irnet2019"]}, root)


def test_choices_change_the_network_and_its_training(settings):
    model = settings.models["irnet17_search"]
    training = settings.protocols["irnet2019"].training
    values = {key: values_of(choices) for key, choices in model.space.items()}
    chosen = {
        "spec.activation": values["spec.activation"]["tanh"],
        "training.optimizer": values["training.optimizer"]["momentum"],
        "training.optimizer.learning_rate": 0.1,
        "training.loss": "mse",
    }
    spec, changed = applied(model, training, chosen)
    assert spec.activation.name == "tanh"
    assert spec.stacks == model.spec.stacks
    optimizer = changed.optimizer
    assert (optimizer.name, optimizer.momentum, optimizer.learning_rate, optimizer.epsilon) == ("sgd", 0.9, 0.1, None)
    assert (changed.loss, changed.batch_size, changed.early_stopping) == ("mse", 64, training.early_stopping)


def test_the_searches_of_the_papers_have_their_values(settings):
    space = settings.models["dnn_search"].space
    assert list(values_of(space["spec.stacks"])) == [f"{depth} layers" for depth in (3, 6, 10, 17, 21)]
    for depth in (3, 6, 10, 17, 21):
        stacks = values_of(space["spec.stacks"])[f"{depth} layers"]
        spec, _ = applied(
            settings.models["dnn_search"], settings.protocols["huang2020_dnn"].training, {"spec.stacks": stacks}
        )
        assert spec.stacks == settings.models[f"dnn{depth}"].spec.stacks


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {"spec.widht_factor": [1, 2]}}, r"space.spec.widht_factor.*width_factor"),
        ({"space": {"training.optimiser": ["adam"]}}, r"space.training.optimiser.*optimizer"),
        ({"space": {"spec.shortcut": ["layer", "all"]}}, r"space.spec.shortcut.*is none"),
        ({"space": {"spec.stacks": {"a": [{"width": 4, "layers": 2, "branches": [2, 2]}]}}}, r"sums to 4"),
        ({"space": {"spec.width_factor": {"low": 2, "high": 1}}}, r"is no range"),
        ({"space": {"spec.width_factor": {"low": 0, "high": 1, "log": True}}}, r"is no range"),
        ({"space": {"spec.width_factor": {"low": 1, "high": 2}}, "sampler": "grid"}, r"a grid needs values"),
        ({"space": {"rate": [1]}}, r"rate"),
        ({"space": {"training.engine": ["jax", "tensorflow"]}}, r"space.training.engine.*decides nothing in a trial"),
        ({"space": {"spec.by_training_size": [[]]}}, r"space.spec.by_training_size.*decides nothing in a trial"),
        ({"trials": 0}, r"trials"),
    ],
)
def test_a_mistake_is_named(project, change, message):
    path = project / "config/models/irnet17_search.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | change))
    with pytest.raises(ConfigError, match=message):
        load({"studies": ["models"]}, project)


def test_it_chooses_on_a_validation_set(settings):
    model = settings.models["irnet17_search"]
    check_search("m", model, settings.protocols["huang2020_dnn"], "here")
    with pytest.raises(ConfigError, match=r"here: model 'm'.*has none"):
        check_search("m", model, settings.protocols["irnet2019"], "here")
    monitors = "irnet2019@train=0.81,validation=0.09"
    with pytest.raises(ConfigError, match=r"stops by the test set"):
        check_search("m", model, settings.protocol(monitors), "here")
    with pytest.raises(ConfigError, match=r"pre-training"):
        check_search("m", model, settings.protocols["recipe_fine_tuned"], "here")


EARLY = {"monitor": "validation", "patience": 9, "restore_best": True}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"training.early_stopping.monitor": ["validation", "test"]}, r"monitor'.*this one monitors the test set"),
        ({"training.early_stopping": {"a": EARLY, "b": EARLY | {"monitor": "test"}}}, r"monitors the test set"),
        ({"training.batch_size": [32, 0]}, r"key 'space.training.batch_size': .*0 is less than"),
        ({"training.batch_size": {"low": 8, "high": 64}}, r"key 'space.training.batch_size'"),
        ({"training.loss": ["mae", "mea"]}, r"key 'space.training.loss'.*'mea'"),
        ({"training.optimizer.learning_rate": {"low": -1, "high": 1}}, r"learning_rate.*-1.0 is less than"),
        ({"training.optimizer.rho": [0.9]}, r"key 'space.training.optimizer.rho'"),
        ({"training.early_stopping": {"a": EARLY, "b": None}}, None),
        (
            {
                "training.optimizer": {
                    "a": {"name": "adam", "learning_rate": 1},
                    "b": {"name": "sgd", "learning_rate": 1},
                },
                "training.optimizer.momentum": [0.9],
            },
            None,
        ),
    ],
)
def test_every_choice_is_one_that_the_protocol_allows(settings, space, message):
    model = NetworkSearchModel.model_validate(settings.models["irnet17_search"].plain() | {"space": space})
    if message is None:
        check_search("m", model, settings.protocols["huang2020_dnn"], "here")
        return
    with pytest.raises(ConfigError, match=rf"here: model 'm'.*{message}"):
        check_search("m", model, settings.protocols["huang2020_dnn"], "here")
