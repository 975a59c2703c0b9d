"""Protocols: the scaling of each part of a representation."""

import pytest
import yaml
from factories.configuration import make_protocol

from elemflow.config.dataset import Property
from elemflow.config.kinds import FEATURES, natural_scaling
from elemflow.config.protocol import Protocol, scaling_of

SPLIT = {"scheme": "fractions", "train": 0.8, "validation": 0.1, "test": 0.1, "seed": 1, "members": 1}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({}, {"pa": "unit_rows", "st": "unit_rows", "pa_frac": "unit_rows"}),
        ({"pa": "standard"}, {"pa": "standard", "st": "unit_rows", "pa_frac": "unit_rows"}),
        ({"st": "none", "ef": "quantile"}, {"pa": "unit_rows", "ef": "quantile", "pa_frac": "unit_rows"}),
        ("none", {}),
    ],
)
def test_a_part_without_a_declared_scaling_has_its_own(declared, expected):
    assert scaling_of(declared, ("st", "pa", "pa_frac", "ef")) == expected


def test_a_fine_tuned_run_has_the_scaling_of_its_pretraining():
    source = {"dataset": "d", "property": "p", "protocol": "q"}
    assert Protocol.model_validate({"split": SPLIT, "pretraining": source}).scaling_of(("pa",)) == {}
    assert Protocol.model_validate({"split": SPLIT}).scaling_of(("pa",)) == {"pa": "unit_rows"}


def test_every_part_declares_its_scaling():
    assert {part: natural_scaling(part) for part in FEATURES} == {
        "base": "unit_rows", "base_benchmark": "unit_rows", "ef": "none", "pa": "unit_rows", "pa_frac": "unit_rows",
        "st": "unit_rows",
    }  # fmt: skip


def test_the_recommended_protocols_scale_everything_but_fractions(root):
    for path in sorted((root / "config/protocols").glob("re*.yaml")):
        declared = yaml.safe_load(path.read_text())
        if "scaling" in declared and declared["scaling"] != "none":
            assert set(scaling_of(declared["scaling"], FEATURES)) == set(FEATURES) - {"ef"}, path


@pytest.mark.parametrize(("rows", "epochs", "batch"), [(50, 200, 128), (51, 100, 128), (100, 100, 128), (101, 40, 256)])
def test_the_last_entry_that_holds_wins(rows, epochs, batch):
    entries = [{"above": 50, "max_epochs": 100}, {"above": 100, "max_epochs": 40, "batch_size": 256}]
    training = make_protocol(training={"max_epochs": 200, "batch_size": 128, "by_training_size": entries}).training
    found = training.for_size(rows)
    assert (found.max_epochs, found.batch_size, found.by_training_size) == (epochs, batch, ())
    assert len(training.by_training_size) == 2  # the declaration is left as it is


def test_parameters_are_those_that_training_and_evaluation_depend_on():
    protocol = make_protocol(
        {"members": 2, "split_per_member": False}, ensemble="mean", uncertainty=True, report="ensemble"
    )
    bounded = Property(unit="eV", minimum=0)
    cfg = protocol.training_parameters(bounded, ("pa", "ef"))
    assert not {"title", "report", "ensemble", "uncertainty"} & cfg.keys()
    assert (cfg["clip_predictions"], cfg["scaling"]) == (True, {"pa": "unit_rows"})
    assert cfg["split"] == protocol.written["split"]
    assert protocol.evaluation_parameters() == {
        "report": "ensemble", "ensemble": "mean", "uncertainty": True, "members_per_split": 2,
    }  # fmt: skip
    assert make_protocol().evaluation_parameters() == {"report": "mean"}
