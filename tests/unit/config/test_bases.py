"""Bases: declarations that do not fit the datasets, and what their jobs depend on."""

import pytest
from factories.configuration import CONFIG, edit, refusal

from elemflow.config.load import load

BASE = "bases/elemflow.yaml"


def change(key, value):
    def changed(base):
        *path, last = key.split(".")
        for step in path:
            base = base[int(step) if step.isdigit() else step]
        base[last] = value

    return changed


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("heads.oqmd_volume.dataset", "oqmd_compositoin", ("heads.oqmd_volume.dataset", "oqmd_composition")),
        ("heads.oqmd_volume.property", "volum", ("heads.oqmd_volume.property", "'volume'")),
        ("heads.mp_band_gap.dataset", "matbench_mp_gap_rows", ("heads.mp_band_gap.dataset", "keep: all")),
        ("heads.oqmd_volume.transform", "log2", ("heads.oqmd_volume.transform", "log10")),
        ("network.stacks.0.layers", 5, ("network.stacks[0].branches", "[2, 2]")),
        ("training.sampled", "kefe", ("training.sampled", "kefe")),
        ("training.engine", "torch", ("training.engine", "tensorflow")),
        ("exclude", ["kefee"], ("exclude[0]", "kefe")),
        (
            "exclude",
            [{"dataset": "kefe", "property": "band_gap", "protocol": "recipe"}],
            ("exclude[0].property", "'band_gap'"),
        ),
        ("exclude", [{"dataset": "kefee", "property": "x", "protocol": "recipe"}], ("exclude[0].dataset", "kefe")),
        ("exclude", [{"dataset": "kefe", "property": "formation_energy"}], ("exclude", "protocol")),
        ("held_out", 0, ("held_out",)),
    ],
)
def test_mistakes_are_named_by_file_and_key(project, key, value, parts):
    edit(project, BASE, change(key, value))
    message = refusal(project)
    for part in (BASE, *parts):
        assert part in message


CONTINUED = "bases/elemflow_unseen_energies.yaml"


def test_a_base_continues_from_one_that_starts_from_random_weights(project):
    first = project / "config" / CONTINUED
    (first.parent / "again.yaml").write_text(
        "extends: elemflow_unseen\ntitle: again\nstart_from: elemflow_unseen_energies\n"
    )
    message = refusal(project)
    assert "again.yaml" in message
    assert "itself continues from 'elemflow_unseen'" in message


def test_trained_heads_need_a_base_to_continue_from(project):
    edit(project, BASE, change("trained_heads", ["mp_band_gap"]))
    message = refusal(project)
    assert "trained_heads" in message
    assert "start_from" in message


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("start_from", "elemflow_unsen", ("start_from", "elemflow_unseen")),
        ("start_from", "elemflow_benchmark", ("start_from", "held_out or exclude", "extends")),
        ("start_from", "single_mp_gap", ("start_from", "in heads.", "extends")),
        ("trained_heads", ["mp_formation"], ("trained_heads", "mp_formation_energy")),
        ("exclude", ["kefe"], ("start_from", "exclude", "extends")),
        ("network", {"stacks": [{"width": 8, "layers": 1}]}, ("start_from", "in network.", "extends")),
        ("representation", "ef", ("start_from", "in representation.", "extends")),
        ("members", 4, ("start_from", "in members.", "extends")),
    ],
)
def test_a_base_continues_from_one_with_the_same_table_and_network(project, key, value, parts):
    edit(project, CONTINUED, lambda base: base.update({key: value}))
    message = refusal(project)
    for part in (CONTINUED, *parts):
        assert part in message


def test_texts_change_no_network_and_members_neither(project):
    before = load(CONFIG, project).bases["elemflow"]
    edit(project, BASE, change("title", "other"))
    edit(project, BASE, change("members", 7))
    edit(project, BASE, change("heads.oqmd_volume.title", "other"))
    after = load(CONFIG, project).bases["elemflow"]
    assert after.training_parameters() == before.training_parameters()
    edit(project, BASE, change("training.epochs", 7))
    changed = load(CONFIG, project).bases["elemflow"]
    assert changed.training_parameters() != before.training_parameters()
    assert changed.joint_parameters() == before.joint_parameters()


def test_a_named_engine_changes_a_network_unless_it_is_the_default(project):
    before = load(CONFIG, project).bases["elemflow"].training_parameters()
    assert "engine" not in before["training"], "a key with a default would train all bases again"
    for engine, same in (("jax", True), ("tensorflow", False)):
        edit(project, BASE, change("training.engine", engine))
        named = load(CONFIG, project).bases["elemflow"]
        assert named.training.engine == engine
        assert (named.training_parameters() == before) is same


def test_a_base_takes_over_the_heads_of_the_one_that_it_extends(root):
    bases = load(CONFIG, root).bases
    assert bases["elemflow_benchmark"].heads == bases["elemflow"].heads
    assert set(bases["elemflow_benchmark"].datasets) == {*bases["elemflow"].datasets, "kefe", "kebg"}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"base": "elemflow_crabnte"}, "elemflow_crabnet"),
        ({"base": None}, "`file` and `sha256`"),
        ({"file": "x.elemflow", "sha256": "0" * 64}, "`file` and `sha256`"),
        ({"base": None, "file": "x.elemflow"}, "`file` and `sha256`"),
        ({"base": None, "file": "x.elemflow", "sha256": "12"}, "sha256"),
    ],
)
def test_a_fine_tuned_model_names_a_declared_base_or_a_file_with_its_digest(project, changes, part):
    def changed(model):
        for key, value in changes.items():
            model[key] = value
            if value is None:
                del model[key]

    edit(project, "models/fine_tuned_crabnet_base.yaml", changed)
    message = refusal(project)
    assert "models/fine_tuned_crabnet_base.yaml" in message
    assert part in message
