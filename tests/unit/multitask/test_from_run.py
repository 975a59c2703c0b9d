"""The networks of an exported run as a base with one head: what they predict, what they have seen, what is refused."""

import io
import json

import numpy as np
import pytest
from factories.predicting import FORMULAS, TREES, write_run
from factories.toy import SPEC

from elemflow.chemistry.composition import canonical
from elemflow.core.archive import read_members
from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file
from elemflow.core.parquet import read_frame
from elemflow.features import elemental_fractions
from elemflow.inference.exported import export_run
from elemflow.inference.trained_run import TrainedRun
from elemflow.multitask.estimator import FineTunedBase
from elemflow.multitask.from_run import CONFIG, base_of_run, knows_seen, open_start, read_start

WHERE = "gaps.elemflow"


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory):
    """Three networks with branches, dropout and batch normalisation."""
    return write_run(tmp_path_factory.mktemp("project"), {"kind": "network", "spec": SPEC})


@pytest.fixture(scope="module", name="file")
def _file(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / WHERE
    export_run(run, path)
    return path


@pytest.fixture(scope="module", name="members")
def _members(file):
    return read_members(file, everything=True)[1]


@pytest.fixture(scope="module", name="x")
def _x():
    return elemental_fractions.featurize(FORMULAS)[0]


def changed(members, **change):
    """Return the members with changed keys of the run's configuration."""
    return {**members, CONFIG: json.dumps(json.loads(members[CONFIG]) | change).encode()}


def test_it_predicts_what_the_run_predicts(run, file, x):
    base = read_start(file)
    trained = TrainedRun(run / "model", without_keras=True)
    np.testing.assert_allclose(base.predict(x)[0][:, 0], trained.predict(x).mean(axis=0), rtol=1e-4, atol=1e-5)
    assert base.facts.name == "toy/gap/ef/m/p"
    assert [stack.width for stack in base.facts.network.stacks] == [8, 4]
    [head] = base.facts.heads
    assert (head.id, head.unit, head.title) == ("gap", "eV", "Gap (toy)")


def test_it_has_seen_the_training_and_validation_materials(run, file):
    base = read_start(file)
    split = read_frame(run.parents[5] / "splits/toy/gap/p.parquet")
    tested = set(split[split["role"] == "test"]["material_id"])
    others = sorted({canonical(formula) for formula in FORMULAS if formula not in tested})
    assert knows_seen(base)
    assert base.seen.contains(others).all()
    assert not base.seen.contains(sorted({canonical(formula) for formula in tested} - {*others})).any()


def test_without_a_list_nothing_counts_as_unseen(members):
    base = base_of_run({name: content for name, content in members.items() if name != "seen.bin"}, WHERE)
    assert not knows_seen(base)
    assert not base.seen.contains(FORMULAS).any()


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"shortcut": "none"}, "shortcut: none"),
        ({"activation": {"name": "tanh"}}, "activation is tanh"),
        ({"activation": {"name": "leaky_relu", "negative_slope": 1.5}}, "activation is leaky_relu"),
        ({"merge": "average"}, "merge: average"),
        ({"order": ["dense", "activation", "batch_norm"]}, "order dense, activation, batch_norm"),
    ],
)
def test_networks_that_the_trunk_cannot_express_are_named(members, spec, named):
    model = {"kind": "network", "spec": SPEC | spec}
    with pytest.raises(DataError, match=rf"{WHERE}: .*{named}.*brnet_damped"):
        base_of_run(changed(members, model=model), WHERE)


def test_other_models_structures_and_other_features_are_refused(members):
    run = json.loads(members[CONFIG])["run"]
    for change, named in (
        ({"model": TREES}, "of the kind 'estimator'"),
        ({"run": run | {"representation": "st"}}, r"crystal structures \(st\)"),
        ({"run": run | {"representation": "ef+pa"}}, "features that this elemflow computes for 'ef\\+pa'"),
    ):
        with pytest.raises(DataError, match=named):
            base_of_run(changed(members, **change), WHERE)
    with pytest.raises(DataError, match="holds no trained run"):
        base_of_run({}, WHERE)
    broken = {**members, "model/member-0.keras": b"PK"}
    with pytest.raises(DataError, match="Export the run again"):
        base_of_run(broken, WHERE)


def test_networks_with_another_scaling_than_the_first_are_left_out(members):
    def scaling(deviation):
        stream = io.BytesIO()
        kinds, ones = np.ones(86, int), np.ones(86)
        np.savez(stream, kinds=kinds, mean=0 * ones, deviation=deviation * ones, quantiles=np.empty((1, 0)), limit=9.0)
        return stream.getvalue()

    scaled = {f"model/member-{number}.scaling.npz": scaling(1 + (number == 1)) for number in range(3)}
    base = base_of_run({**members, **scaled}, WHERE)
    assert (len(base.weights), base.facts.networks) == (2, 2)
    assert base.scaling.deviation[0] == 1


def test_a_model_is_fine_tuned_from_an_exported_run(file, x):
    y = x @ np.linspace(0, 3, x.shape[1])
    fitted = FineTunedBase(str(file), sha256_file(file), seed=1).fit(x[:50], y[:50])
    assert fitted.head_ == "gap"
    assert np.isfinite(fitted.predict(x[50:])).all()
    assert open_start(str(file), None).facts.networks == 3
