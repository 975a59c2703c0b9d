"""Protocols and models that are varied inside a study."""

from pathlib import Path

import pytest
from factories.configuration import make_protocol

from elemflow.config.dataset import Property
from elemflow.config.load import Settings, load
from elemflow.config.variations import describe, model_keys, protocol_keys, variation_id
from elemflow.core.errors import ConfigError


@pytest.fixture(scope="module")
def settings(root: Path) -> Settings:
    return load({"studies": ["demo"]}, root)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"split.train_rows": 1000}, "huang2020_dnn@train_rows=1000"),
        ({"training.max_epochs": 9, "split.members": 1}, "huang2020_dnn@members=1,max_epochs=9"),
        ({"training.optimizer.learning_rate": 0.0001}, "huang2020_dnn@learning_rate=0.0001"),
        ({"training.early_stopping": None}, "huang2020_dnn@early_stopping=null"),
        ({"split.seed": 7}, "huang2020_dnn@split.seed=7"),
        ({"seed": 7}, "huang2020_dnn@seed=7"),
        ({"scaling.pa": "none"}, "huang2020_dnn@scaling.pa=none"),
        ({"split.members": 5}, "huang2020_dnn"),
    ],
)
def test_the_id_of_a_variation_is_short_and_sorted(settings: Settings, changes: dict[str, object], name: str) -> None:
    assert settings.protocols.name("huang2020_dnn", changes, "here") == name
    assert name in settings.protocols


def test_a_variation_changes_its_keys_alone(settings: Settings) -> None:
    protocol = settings.protocols["huang2020_dnn@element=Ca,train_fraction=0.05"]
    base, varied = (
        settings.protocols[f"huang2020_dnn{end}"].written for end in ("", "@element=Ca,train_fraction=0.05")
    )
    assert varied["split"]["hold_out"] == {"element": "Ca", "train_fraction": 0.05, "test_fraction": 0.2}
    for key in set(base) - {"title", "split"}:
        assert varied[key] == base[key]
    assert protocol.describe().startswith("5 random 81:9:10 splits by composition, Ca held out but for 5 %")


def test_a_title_of_the_file_is_kept(root: Path) -> None:
    config = {"studies": ["demo"], "overrides": {"protocols": {"demo": {"title": "Mine"}}}}
    assert load(config, root).protocols["demo@members=1"].title == "Mine; members 1"


def test_null_removes_a_key_or_is_its_value(settings: Settings) -> None:
    assert settings.protocols["recipe_fine_tuned@pretraining=null"].pretraining is None
    assert settings.protocols["recipe@schedule=null"].training.schedule is None
    assert settings.protocols["recipe@ensemble=none,report=mean,uncertainty=false"].ensemble is None


def test_another_scheme_has_its_own_keys(settings: Settings) -> None:
    split = settings.protocols["recipe@folds=10,members_per_fold=5,scheme=k_fold,split.seed=2023"].written["split"]
    assert (split["scheme"], split["folds"], split["seed"]) == ("k_fold", 10, 2023)
    assert "train" not in split


def test_branches_move_to_another_stack(settings: Settings) -> None:
    stacks = settings.models["brnet@branches=512x2-1"].written["spec"]["stacks"]
    assert [stack.get("branches") for stack in stacks] == [None, [2, 1], None, None, None, None]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("huang2020_dnn@train_row=1000", "Did you mean 'train_rows'?"),
        ("huang2020_dnn@train_rows=0", "split.train_rows"),
        ("huang2020_dnn@members=5", "write that"),
        ("huang2020_dnn@max_epochs=9,members=1", "huang2020_dnn@members=1,max_epochs=9"),
        ("huang2020_dnn@patience=9", "training.early_stopping.patience or training.learning_rate_reduction.patience"),
        ("brnet@branches=100x1-1", "spec.branches"),
        ("brnet@width_factor=0", "spec.width_factor"),
    ],
)
def test_a_wrong_variation_is_refused(settings: Settings, name: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings.models[name] if name.startswith("brnet") else settings.protocols[name]
    assert key in str(caught.value)


def test_an_unknown_base_is_no_variation(settings: Settings) -> None:
    assert "huang@train_rows=1000" not in settings.protocols
    with pytest.raises(KeyError):
        settings.protocols["huang@train_rows=1000"]


def test_scale_caps_variations(root: Path) -> None:
    capped = load({"studies": ["demo"], "scale": {"max_epochs": 2, "members": 1}}, root)
    assert capped.protocols["huang2020_dnn@max_epochs=100"].training.max_epochs == 2
    assert capped.protocols["huang2020_dnn@max_epochs=100"].reduced == (
        "at most 2 epochs of 100",
        "at most 1 member of 5",
    )


def test_typed_settings_vary_alike(root: Path) -> None:
    typed = load({"studies": ["demo"]}, root)
    assert typed.protocols["recipe@splits=3"].split.n_splits == 3
    assert typed.models["brnet_damped@width_factor=0.5"].spec.width_factor == 0.5  # type: ignore[union-attr]


def test_captions_name_the_changes() -> None:
    assert describe("a@train_rows=1000,seed=3", protocol_keys()) == "training rows 1,000, seed 3"
    assert describe("a", protocol_keys()) == ""
    assert describe("b@width_factor=0.5", model_keys()) == "width factor 0.5"


def test_a_value_that_no_folder_can_be_called_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"split\.path"):
        variation_id("a", {"split.path": "lists/mine.csv"}, protocol_keys(), "here")


def test_clipping_follows_from_the_property() -> None:
    bounded, free = Property(unit="eV", minimum=0), Property(unit="eV")
    assert [make_protocol().clips(prop) for prop in (bounded, free)] == [True, False]
    assert [make_protocol(clip_predictions=value).clips(bounded) for value in (True, False)] == [True, False]


def test_another_scheme_with_its_defaults_is_no_reduction(settings: Settings) -> None:
    folds = settings.protocols["recipe@folds=10,members_per_fold=5,scheme=k_fold,split.seed=2023"]
    assert folds.reduced == ()
