import json
import re

import pytest
from factories import configuration

from elemflow.config.model import read_model
from elemflow.features.store import FEATURES
from elemflow.plan.resources import (
    COLUMNS,
    COLUMNS_OF_PA,
    MINUTES,
    UNKNOWN_MATERIALS,
    count_materials,
    training_memory_mb,
    training_minutes,
)

NETWORK = read_model(configuration.NETWORK)
SEARCH = read_model({"kind": "search", "engine": "optuna", "trials": 60, "estimators": ["ridge"]})
FOLDS = {"scheme": "k_fold", "seed": 1}


def forest(trees):
    return read_model({"kind": "estimator", "estimator": "random_forest", "parameters": {"n_estimators": trees}})


FOREST = forest(100)


def protocol(split=None, **training):
    return configuration.make_protocol(split, training)


def test_materials_are_those_of_the_curated_dataset(tmp_path):
    file = tmp_path / "curation.json"
    assert count_materials(file) == UNKNOWN_MATERIALS
    file.write_text(json.dumps({"materials": 4123}))
    assert count_materials(file) == 4123


@pytest.mark.parametrize("model", [NETWORK, FOREST, SEARCH])
def test_memory_grows_with_rows_and_columns(model):
    one = protocol({"members": 1})
    small = training_memory_mb(4_000, "ef", model, one)
    assert small < training_memory_mb(400_000, "ef", model, one) < training_memory_mb(400_000, "st+pa+ef", model, one)
    assert small % 500 == 0


def test_memory_covers_what_was_measured():
    assert training_memory_mb(4_000, "ef", NETWORK, protocol()) >= 1900
    assert training_memory_mb(300_000, "ef", NETWORK, protocol()) < 8000


def test_members_of_a_fleet_have_their_inputs_in_memory_at_once():
    fleet, alone = protocol(FOLDS | {"folds": 5, "members_per_fold": 2}), protocol({"members": 1})
    needed = training_memory_mb(300_000, "ef", NETWORK, fleet)
    assert needed - training_memory_mb(300_000, "ef", NETWORK, alone) >= 9 * 300_000 * 86 * 8 / 1e6 - 500
    for change in ({"engine": "tensorflow"}, {"parallel_members": 1}):
        one = protocol(FOLDS | {"folds": 5, "members_per_fold": 2}, **change)
        assert training_memory_mb(300_000, "ef", NETWORK, one) == training_memory_mb(300_000, "ef", NETWORK, alone)
    assert training_memory_mb(9_000, "ef", FOREST, fleet) == training_memory_mb(9_000, "ef", FOREST, alone)


def test_a_forest_needs_more_with_more_trees():
    one = protocol()
    assert training_memory_mb(100_000, "ef", forest(500), one) > training_memory_mb(100_000, "ef", FOREST, one)


def test_a_submission_of_training_and_evaluation_fits_a_partition_of_a_day(root):
    rules = (root / "workflow/rules/train.smk").read_text()
    evaluation = rules[rules.index("rule evaluate_run:") : rules.index("rule assess_applicability:")]
    assert MINUTES[1] + int(re.search(r"runtime=(\d+)", evaluation)[1]) <= 24 * 60


def test_minutes_stay_within_a_day():
    assert training_minutes(100, NETWORK, protocol({"members": 1})) == MINUTES[0]
    assert training_minutes(300_000, NETWORK, protocol({"members": 3})) == MINUTES[1]
    assert training_minutes(4_000, SEARCH, protocol({"members": 3})) > training_minutes(
        4_000, FOREST, protocol({"members": 3})
    )


GRID = {"max_depth": [5, 10, 25, None], "max_features": [0.25, 0.33], "n_estimators": [100, 150, 200]}


def grid(**search):
    declared = {"method": "grid", "grid": GRID, "trials": 1} | search
    return {"kind": "estimator", "estimator": "random_forest", "search": declared}


def minutes(model, split=None, attempt=1):
    return training_minutes(30_000, read_model(model), protocol({"members": 1} | (split or {})), attempt)


@pytest.mark.parametrize(
    ("model", "fits"),
    [
        (grid(), 24),
        (grid(method="random", trials=20), 80),  # four fits in the time of one, as before
        (grid(select_by="inner_cv", folds=5), 24 * 5 + 1),
        (grid(method="random", trials=7, select_by="inner_cv", folds=8), 7 * 8 + 1),
    ],
)
def test_every_fit_of_a_grid_has_time(model, fits):
    assert minutes(model) == fits * 5 * 30_000 // 60_000 > MINUTES[0]


def test_every_candidate_of_the_best_of_several_has_time():
    candidates = {f"forest{number}": grid() for number in range(8)}
    best = {"kind": "best_of", "models": list(candidates), "trials": 6, "folds": 4, "candidates": candidates}
    assert minutes(best | {"select_by": "validation"}) == 8 * 6 * 5 // 2
    assert minutes(best) == minutes(best | {"select_by": "validation"}), "there is a validation set"
    without = {"train": 0.9, "validation": 0, "test": 0.1}
    assert minutes(best, without) == (8 * 6 * 4 + 1) * 5 // 2, "inner folds select, and the winner is fitted again"


def test_what_starts_again_gets_more_time_and_what_goes_on_does_not():
    assert [minutes(grid(), attempt=n) for n in (1, 2, 3)] == [60, 120, 180]
    assert minutes(grid(folds=100, select_by="inner_cv"), attempt=4) == MINUTES[1]
    networks = [training_minutes(30_000, NETWORK, protocol({"members": 1}), n) for n in (1, 2)]
    assert networks[0] == networks[1]


def test_folds_and_repeats_count_as_members():
    one = training_minutes(10_000, NETWORK, protocol({"members": 1}))
    assert training_minutes(10_000, NETWORK, protocol(FOLDS | {"folds": 2, "repeats": 5})) == 10 * one


def test_columns_are_those_of_the_features():
    from importlib import import_module

    for part, module in FEATURES.items():
        labels = import_module(module).LABELS
        assert COLUMNS.get(part, COLUMNS_OF_PA) == len(labels)
