"""Trained members on disk."""

from pathlib import Path

import numpy as np
import pytest
from factories.toy import PROTOCOL, SPEC, build
from factories.training import NETWORK, make_run
from sklearn.linear_model import LinearRegression

from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError
from elemflow.estimators.storage import save_estimator
from elemflow.features.scaling import Target, fit_scaling, save_scaling, save_target
from elemflow.training.storage import StoredMember, read_run_config, stored_members, write_run_config


def test_a_stored_member_has_its_model_scaling_and_target(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    member, model = StoredMember(tmp_path, 3), build(SPEC, 3, seed=1)
    model.save(member.network_path)
    assert (member.scaling, member.target) == (None, Target())
    scaling, target = fit_scaling(x, [("ef", 3)], {"ef": "standard"}), Target(1.0, 2.0, -5.0)
    save_scaling(member.scaling_path, scaling)
    save_target(member.target_path, target)
    loaded = member.load_network(NetworkModel.model_validate(NETWORK))
    assert np.array_equal(loaded(x), model(x))
    assert member.scaling is not None
    assert np.array_equal(member.scaling.apply(x), scaling.apply(x))
    assert member.target == target


def test_members_are_listed_by_number(tmp_path: Path) -> None:
    for number in (10, 2):
        save_estimator(LinearRegression().fit(np.eye(2), [0, 1]), StoredMember(tmp_path, number).estimator_path)
    assert [member.number for member in stored_members(tmp_path)] == [2, 10]
    assert stored_members(tmp_path)[0].load_estimator().predict(np.eye(2))[1] == pytest.approx(1)


def test_the_configuration_is_stored_with_the_members(tmp_path: Path) -> None:
    run = make_run(NETWORK, PROTOCOL | {"scaling": {"ef": "standard"}})
    write_run_config(tmp_path, run)
    assert read_run_config(tmp_path).plain() == run.plain()
    with pytest.raises(DataError, match="no trained run"):
        read_run_config(tmp_path / "model")
