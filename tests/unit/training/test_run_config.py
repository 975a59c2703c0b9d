"""The typed configuration of a run, its plain form and what depends on the size of the training set."""

from typing import Any

import pytest
from factories.toy import PROTOCOL, SPEC, TRAINING
from factories.training import NETWORK, make_run

from elemflow.core.errors import ConfigError
from elemflow.training.run_config import RunConfig

SIZED = NETWORK | {"spec": SPEC | {"by_training_size": [{"above": 100, "width_factor": 0.5}]}}


def test_the_plain_form_gives_the_same_configuration() -> None:
    run = make_run(SIZED, PROTOCOL | {"scaling": {"ef": "standard"}, "target_scaling": {"scale": "std"}})
    again = RunConfig.from_params(run.plain())
    assert again.plain() == run.plain()
    assert again.for_size(200).plain() == run.for_size(200).plain()


def test_texts_and_defaults_are_no_part_of_the_plain_form() -> None:
    protocol = PROTOCOL | {
        "title": "another title",
        "report": "best_on_test",
        "training": TRAINING | {"engine": "auto"},
    }
    assert make_run(NETWORK | {"title": "A network"}, protocol).plain() == make_run(NETWORK).plain()


def test_the_size_of_the_training_set_decides_widths_and_epochs() -> None:
    training = TRAINING | {"by_training_size": [{"above": 50, "max_epochs": 3}, {"above": 100, "batch_size": 64}]}
    run = make_run(SIZED, PROTOCOL | {"training": training})
    found = []
    for rows in (50, 51, 101):
        sized = run.for_size(rows)
        assert sized.protocol.training is not None
        assert sized.protocol.training.by_training_size == ()
        spec: Any = sized.plain()["model"]["spec"]
        found.append((sized.protocol.training.max_epochs, sized.protocol.training.batch_size, spec.get("width_factor")))
    assert found == [(6, 16, None), (3, 16, None), (3, 64, 0.5)]


@pytest.mark.parametrize(("declared", "minimum"), [(True, -5.0), ("auto", -5.0), (False, None)])
def test_clipping_follows_from_the_minimum_of_the_property(declared: Any, minimum: float | None) -> None:
    assert make_run(NETWORK, PROTOCOL | {"clip_predictions": declared}).clip_minimum == minimum


def test_members_differ_by_their_seed() -> None:
    assert [make_run(NETWORK).seed_of(member) for member in (0, 2)] == [7, 9]


def test_a_network_needs_training_settings_and_an_estimator_none() -> None:
    without = {key: value for key, value in PROTOCOL.items() if key != "training"}
    with pytest.raises(ConfigError, match="key 'training'"):
        make_run(NETWORK, without).network_settings()
    assert make_run({"kind": "estimator", "estimator": "ridge"}, without).for_size(10).protocol.training is None
