"""Protocols of pre-training runs, and what the plan and the config check make of pre-training."""

import pytest
from factories.configuration import DATASET, NETWORK, PlainSettings

from elemflow.config.load import load
from elemflow.config.pretraining import find_protocol, target_of
from elemflow.config.protocol import Protocol
from elemflow.core.errors import ConfigError
from elemflow.core.run import Run
from elemflow.plan.build import build, citations
from elemflow.plan.grid import source_run

SPLIT = {
    "scheme": "fractions",
    "train": 0.8,
    "validation": 0.1,
    "test": 0.1,
    "seed": 5,
    "members": 1,
    "split_per_member": True,
}
TRAINING = {
    "optimizer": {"name": "adam", "learning_rate": 0.1},
    "batch_size": 8,
    "loss": "mae",
    "max_epochs": 4,
    "early_stopping": None,
}
PROTOCOLS = {
    "first": {
        "title": "Source.", "split": SPLIT | {"max_materials": 900}, "scaling": {"pa": "standard"}, "ensemble": "mean",
        "uncertainty": True, "report": "ensemble", "training": TRAINING,
    },
    "then": {
        "title": "Target.", "split": {"scheme": "k_fold", "folds": 5, "members_per_fold": 2, "seed": 9},
        "pretraining": {"dataset": "big", "property": "energy", "protocol": "first"}, "training": TRAINING | {"max_epochs": 2},
    },
}  # fmt: skip
DERIVED = "first.before.small.gap.then"


def settings(**changes):
    def dataset(citation, **properties):
        return (
            DATASET
            | {"title": citation, "citation": [citation]}
            | {"properties": {name: {"unit": "eV", "title": name} for name in properties}}
        )

    cell = {"dataset": "small", "property": "gap", "representation": "ef", "model": "net", "protocol": "then"} | changes
    item = {"title": "T", "note": "", "kind": "errors", "metric": "mae", "rows": [cell], "columns": [{"label": "a"}]}
    study = {"title": "S", "reference": "", "citation": [], "tables": {"t": item}, "figures": {}}
    models = {"net": NETWORK, "forest": {"title": "F", "kind": "estimator", "estimator": "random_forest"}}
    models["broad"] = NETWORK | {"spec": NETWORK["spec"] | {"by_training_size": [{"above": 9, "width_factor": 2}]}}
    datasets = {"big": dataset("paper_of_big", energy=1), "small": dataset("paper_of_small", gap=1)}
    return PlainSettings(datasets, models, dict(PROTOCOLS), {"s": study})


def typed(protocols):
    return {name: Protocol.read(declared) for name, declared in protocols.items()}


def test_a_derived_protocol_trains_as_the_source_and_divides_for_the_target():
    protocol = find_protocol(typed(PROTOCOLS), DERIVED)
    derived = protocol.written
    assert derived["training"] == PROTOCOLS["first"]["training"]
    assert derived["scaling"] == {"pa": "standard"}
    assert derived["split"] == {
        "scheme": "pretraining", "train": 0.8, "validation": 0.1, "test": 0.1, "seed": 5, "max_materials": 900, "folds": 5,
        "members_per_fold": 2, "exclude": {"dataset": "small", "property": "gap", "protocol": "then"},
    }  # fmt: skip
    assert "ensemble" not in derived  # members of other splits are no ensemble
    assert (derived["uncertainty"], derived["report"]) == (False, "mean")
    assert derived["title"] == ""  # the split says what is excluded
    assert protocol.members_per_split == 2


def test_a_derived_protocol_has_the_members_of_all_divisions_of_the_target():
    given = {"scheme": "fractions", "train": 0.8, "validation": 0.1, "test": 0.1, "seed": 1}
    target = PROTOCOLS["then"] | {"split": given | {"members": 5, "splits": 3, "split_per_member": False}}
    protocols = typed(PROTOCOLS | {"then": target})
    found = [find_protocol(protocols, name).split.n_trainings for name in (DERIVED, "then")]
    assert found == [15, 15]


@pytest.mark.parametrize("name", ["first.before.small.gap.first", "then.before.small.gap.then", "first.x.small.gap.then", "small.gap.then", "none"])  # fmt: skip
def test_other_ids_are_no_derived_ones(name):
    assert target_of(typed(PROTOCOLS), name) is None
    with pytest.raises(KeyError):
        find_protocol(typed(PROTOCOLS), name)


def test_a_plan_has_the_source_run_its_data_and_their_citation():
    chosen = settings().typed()
    plan = build(chosen, {})
    target, source = Run("small", "gap", "ef", "net", "then"), Run("big", "energy", "ef", "net", DERIVED)
    assert plan.runs == {source: ["s/t"], target: ["s/t"]}
    assert source_run(chosen, target) == source
    assert source_run(chosen, source) is None
    assert plan.runs_of(plan.tables["s", "t"]) == [target.path]
    assert plan.datasets() == ["big", "small"]
    assert citations(chosen, plan, "s")[:2] == ["paper_of_small", "paper_of_big"]


def test_a_target_whose_source_is_not_at_hand_has_no_run():
    chosen = settings()
    chosen.datasets["big"]["missing"] = "not downloaded"
    plan = build(chosen.typed(), {})
    assert not plan.runs
    assert [cell.missing for cell in plan.tables["s", "t"].cells] == ["not downloaded"]


def test_a_study_may_show_a_source_run():
    plan = build(settings(dataset="big", property="energy", protocol=DERIVED).typed(), {})
    assert [run.path for run in plan.runs] == [f"big/energy/ef/net/{DERIVED}"]
    assert list(plan.tables["s", "t"].protocols) == [DERIVED]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "forest"}, "protocol 'then' starts from the weights of a pre-training run, and model 'forest' is no network"),
        ({"model": "broad"}, "protocol 'then' .* the widths of model 'broad' depend on the number of training rows"),
        ({"protocol": DERIVED}, f"protocol '{DERIVED}' trains on the dataset big, not small"),
        ({"dataset": "big", "property": "energy", "protocol": "first.before.smal.gap.then"}, "unknown dataset 'smal'.*Did you mean 'small'"),
        ({"dataset": "big", "property": "energy", "protocol": "first.before.small.gab.then"}, "no property 'gab'.*Did you mean 'gap'"),
        ({"dataset": "big", "property": "energy", "protocol": "first.before.small.gap.than"}, "unknown protocol 'first.before.small.gap.than'"),
    ],
)  # fmt: skip
def test_what_cannot_be_pretrained_is_refused_with_its_place(change, message):
    with pytest.raises(ConfigError, match=rf"^config/studies/s.yaml: key 'tables.t', row 1, column 1.*{message}"):
        build(settings(**change).typed(), {})


def test_the_source_run_is_checked_like_any_other():
    chosen = settings()
    chosen.protocols["first"] = chosen.protocols["first"] | {"clip_predictions": True}
    with pytest.raises(ConfigError, match="property 'energy' of dataset 'big' declares no `minimum`"):
        build(chosen.typed(), {})


TUNED = {"dataset": "kebg", "property": "band_gap", "protocol": "recipe"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pretraining": TUNED}, None),
        ({"pretraining": TUNED | {"dataset": "kebgg"}}, "key 'pretraining.dataset': no dataset 'kebgg'. Known: .*Did you mean 'kebg'?"),
        ({"pretraining": TUNED | {"property": "gap"}}, "key 'pretraining.property': no property 'gap' in dataset 'kebg'. Known: band_gap."),
        ({"pretraining": TUNED | {"protocol": "recipes"}}, "key 'pretraining.protocol': no protocol 'recipes'. .*Did you mean 'recipe'?"),
        ({"pretraining": TUNED | {"protocol": "recipe_fine_tuned"}}, "protocol 'recipe_fine_tuned' is pre-trained itself"),
        ({"pretraining": TUNED | {"protocol": "brnet2023"}}, "protocol 'brnet2023' is pre-trained itself"),
        ({"pretraining": TUNED | {"protocol": "equal_budget"}}, "protocol 'equal_budget' has the key 'split.train_rows'"),
        ({"pretraining": TUNED | {"protocol": "demo"}}, "protocol 'demo' has the key 'split.hold_out'"),
        ({"pretraining": TUNED | {"protocol": "brnet2023_5x2"}}, "protocol 'brnet2023_5x2' has the split scheme k_fold"),
        ({"pretraining": TUNED, "scaling": {"pa": "none"}}, "key 'scaling': a pre-trained network goes on with the scaling"),
        ({"pretraining": TUNED, "target_scaling": {"scale": "std"}}, "key 'target_scaling': a pre-trained network goes on with the target_scaling"),
        ({"pretraining": {"dataset": "kebg"}}, "key 'pretraining': the key 'property' is missing."),
    ],
)  # fmt: skip
def test_a_protocol_of_fine_tuning_is_whole(root, change, message):
    reduced = {"equal_budget": {"train_rows": 1000}, "demo": {"hold_out": {"element": "Mg", "train_fraction": 0}}}
    others = {name: {"split": split} for name, split in reduced.items()}
    config = {"studies": ["demo"], "overrides": {"protocols": {"brnet2023": change} | others}}
    if message is None:
        derived = load(config, root).protocol("recipe.before.kefe.formation_energy.brnet2023")
        assert derived.split.n_trainings == load(config, root).protocols["brnet2023"].split.n_trainings
        return
    with pytest.raises(ConfigError, match=rf"^config/protocols/brnet2023.yaml.*{message}"):
        load(config, root)
