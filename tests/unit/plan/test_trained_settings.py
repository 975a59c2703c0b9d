"""Settings that a run was trained with, next to those that a study declares."""

from copy import deepcopy
from dataclasses import replace

import pytest

from elemflow.config.load import Settings, load
from elemflow.core.run import Run
from elemflow.plan.trained_settings import DeclaredSettings, count_fewer_members, declared_settings, find_other_settings

RUN = Run("kefe", "formation_energy", "ef", "brnet", "brnet2023")
ENSEMBLE = Run("kefe", "formation_energy", "ef", "brnet_damped", "recipe")


@pytest.fixture(scope="module")
def settings(root) -> Settings:
    return load({"studies": ["brnet2023", "elemflow"]}, root)


@pytest.fixture(scope="module")
def declared(settings: Settings) -> DeclaredSettings:
    return declared_settings(settings, RUN)


def train_with(declared: DeclaredSettings, section: str, **keys) -> dict:
    """Return settings of a run: those that are declared, with others in a section of the protocol."""
    cfg = deepcopy(declared.stored)
    cfg["protocol"][section] = {k: v for k, v in (cfg["protocol"][section] | keys).items() if v is not None}
    return cfg


def test_the_declared_settings_are_the_same(declared):
    assert find_other_settings(declared.stored, declared) == []
    assert count_fewer_members(declared.stored, declared) is None


def test_a_default_in_place_of_a_declared_setting_is_named(declared):
    """Runs store no defaults, so that a key which is absent says what the run was trained with."""
    longer = train_with(declared, "training", shuffle="never")
    assert find_other_settings(declared.stored, replace(declared, stored=longer)) == [
        "protocol.training.shuffle its default in place of 'never'"
    ]
    assert find_other_settings(longer, declared) == ["protocol.training.shuffle 'never' in place of its default"]


@pytest.mark.parametrize(("members", "fewer"), [(None, (1, 3)), (1, (1, 3)), (2, (2, 3)), (3, None)])
def test_fewer_members_are_counted_and_are_no_other_settings(declared, members, fewer):
    cfg = train_with(declared, "split", members=members)
    assert find_other_settings(cfg, declared) == []
    assert count_fewer_members(cfg, declared) == fewer


def test_more_members_are_other_settings(declared):
    cfg = train_with(declared, "split", members=4)
    assert find_other_settings(cfg, declared) == ["protocol.split.members 4 in place of 3"]
    assert count_fewer_members(cfg, declared) is None


def test_fewer_members_do_not_hide_other_settings(declared):
    cfg = train_with(declared, "split", members=1, train=0.5)
    assert find_other_settings(cfg, declared) == ["protocol.split.train 0.5 in place of 0.81"]


@pytest.mark.parametrize(("run", "alone"), [(RUN, True), (ENSEMBLE, False)])
def test_fewer_members_of_an_ensemble_are_other_settings(settings, run, alone):
    declared = declared_settings(settings, run)
    cfg = train_with(declared, "split", members=1)
    assert declared.members_alone == alone
    assert bool(count_fewer_members(cfg, declared)) == alone
    assert bool(find_other_settings(cfg, declared)) != alone


def test_what_an_older_version_stored_under_another_name_is_not_compared(declared):
    cfg = deepcopy(declared.stored)
    cfg["protocol"]["first_seed"] = cfg["protocol"].pop("seed")
    assert find_other_settings(cfg, declared, known_only=True) == []
