"""Runs below their declared scale: how they come about, and that nothing calls them a reproduction."""

import json

import pandas as pd
import pytest
from factories.configuration import make_protocol
from factories.reporting import make_table, name_run, place, planned, write_run

from elemflow.config.load import load
from elemflow.config.scale_caps import Scale, cap, reductions
from elemflow.core.errors import ConfigError
from elemflow.plan.build import build
from elemflow.reporting.tables.kinds.errors import BUILDER
from elemflow.splits.schemes.base import RandomScheme

CAPS = {"max_materials": 2000, "max_epochs": 5, "members": 1}
SMALL = Scale(**CAPS)
REQUIRED = {
    "k_fold": {"folds": 2, "seed": 1}, "k_fold_validation": {"test": 0.1, "seed": 1}, "k_fold_rows": {"seed": 1},
}  # fmt: skip


def protocol(split, training=None, **more):
    """Return a protocol of a split with what its scheme requires."""
    return make_protocol(REQUIRED.get(split.get("scheme"), {}) | split, training, **more)


@pytest.mark.parametrize(
    ("split", "capped"),
    [
        ({"scheme": "fractions", "members": 3}, {"members": 1, "max_materials": 2000}),
        ({"scheme": "fractions", "members": 1, "max_materials": 500}, {"members": 1, "max_materials": 500}),
        ({"scheme": "k_fold", "folds": 2, "repeats": 5}, {"folds": 2, "repeats": 1, "max_materials": 2000}),
        ({"scheme": "k_fold_validation", "folds": 10}, {"folds": 10, "max_materials": 2000}),
        ({"scheme": "k_fold_rows", "folds": 5, "rows": 9, "members_per_fold": 5}, {"folds": 5, "rows": 9, "members_per_fold": 1}),
        ({"scheme": "file", "path": "x"}, {"path": "x"}),
    ],
)  # fmt: skip
def test_caps_leave_the_division_alone(split, capped):
    declared = protocol(split)
    assert cap(declared, SMALL, "p.yaml").written["split"] == declared.written["split"] | capped
    assert cap(declared, Scale(), "p.yaml") is declared


def test_caps_that_do_not_fit_name_file_and_key(monkeypatch):
    monkeypatch.setattr(RandomScheme, "caps", lambda *_, **__: {"max_materials": 1})
    with pytest.raises(ConfigError, match=r"^p\.yaml \(with scale\): key 'split\.max_materials': .* greater than"):
        cap(protocol({"scheme": "fractions"}), SMALL, "p.yaml")


@pytest.mark.parametrize(
    ("split", "share"),
    [
        ({"scheme": "fractions", "train": 0.81, "validation": 0.09, "test": 0.1}, 0.81),
        ({"scheme": "k_fold", "folds": 2, "validation": 0.1}, 0.45),
        ({"scheme": "k_fold_validation", "folds": 10, "test": 0.1}, 0.81),
    ],
)
def test_no_more_training_rows_are_asked_for_than_the_capped_materials_give(split, share):
    capped = cap(protocol(split | {"train_rows": 30_000}), SMALL, "p.yaml").split.train_rows
    assert share * 2000 - 4 < capped <= share * 2000
    assert cap(protocol(split | {"train_rows": 100}), SMALL, "p.yaml").split.train_rows == 100
    assert cap(protocol(split | {"train_rows": 30_000}), Scale(max_epochs=5), "p.yaml").split.train_rows == 30_000


def test_an_ensemble_keeps_two_members():
    declared = protocol({"scheme": "fractions", "members": 5, "split_per_member": False}, ensemble="mean")
    assert cap(declared, SMALL, "p.yaml").split.n_members == 2


def test_reductions_are_told_beside_what_the_file_says():
    declared = protocol({"scheme": "k_fold", "folds": 2, "repeats": 5})
    assert reductions(declared, cap(declared, SMALL, "p.yaml")) == [
        "at most 2,000 materials",
        "at most 5 epochs of 3,000",
        "at most 2 members of 10",
    ]
    assert reductions(declared, declared) == []
    longer = protocol({"scheme": "k_fold", "folds": 2, "repeats": 5}, {"max_epochs": 9000})
    assert reductions(declared, longer) == []  # larger is not reduced


def test_fewer_epochs_or_rows_than_declared_are_a_reduction_wherever_they_stand():
    def trained(epochs, *entries, **split):
        return protocol(split, {"max_epochs": epochs, "by_training_size": list(entries)})

    declared = trained(100, {"above": 1000, "max_epochs": 3000})
    assert reductions(declared, cap(declared, Scale(max_epochs=500), "p.yaml")) == [
        "at most 500 epochs of 3,000 from 1,001 training rows on"
    ]
    assert reductions(declared, trained(100, {"above": 0, "max_epochs": 1})) == [
        "at most 1 epochs of 100 from 1 training rows on"
    ]
    assert reductions(declared, trained(100, {"above": 10, "max_epochs": 4000})) == []
    few = trained(100, {"above": 1000, "max_epochs": 3000}, train_rows=100)
    assert reductions(declared, few) == ["at most 100 training materials"]
    assert reductions(few, few) == []


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"train": 0.2, "validation": 0.05, "test": 0.75}, ["trains on 20 % of the materials instead of 81 %"]),
        ({"train": 0.9, "validation": 0.0}, []),
        ({"scheme": "k_fold", "folds": 2, "validation": 0.1}, ["trains on 45 % of the materials instead of 81 %"]),
        ({"scheme": "k_fold", "folds": 10, "validation": 0.1}, []),  # 81 % but for rounding
        ({"scheme": "file", "path": "x"}, []),  # which share that is, the list alone says
    ],
)
def test_a_smaller_share_to_train_on_is_a_reduction(change, shown):
    split = {"train": 0.81, "validation": 0.09, "test": 0.1}
    used = change if "scheme" in change else split | change
    assert reductions(protocol(split), protocol(used)) == shown


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, ("Mg", 0), ["trains on 0 % of the materials with Mg"]),
        (("Mg", 0.8), ("Mg", 0.2), ["trains on 20 % of the materials with Mg"]),
        (("Ca", 0.2), ("Mg", 0.8), ["trains on 80 % of the materials with Mg"]),
        (None, ("Mg", 0.85), []),  # 81 % of all materials train without it
        (("Mg", 0.2), ("Mg", 0.8), []),
        (("Mg", 0.2), None, []),
    ],
)
def test_materials_that_are_held_out_of_training_are_a_reduction(before, after, shown):
    def divide(held):
        split = {"scheme": "fractions", "train": 0.81, "validation": 0.09, "test": 0.1, "members": 1}
        return protocol(
            split
            | ({"hold_out": {"element": held[0], "train_fraction": held[1], "test_fraction": 0.2}} if held else {})
        )

    assert reductions(divide(before), divide(after)) == shown


def test_the_scale_reaches_every_protocol_and_its_absence_none(root):
    studies = {"studies": ["brnet2023"]}
    full, small = load(studies, root), load(studies | {"scale": CAPS}, root)
    assert all(item.training.max_epochs <= 5 for item in small.protocols.values() if item.training)
    assert not any(item.reduced for item in full.protocols.values())
    assert small.protocols["brnet2023"].reduced == (
        "at most 2,000 materials", "at most 5 epochs of 3,000", "at most 1 member of 3",
    )  # fmt: skip
    assert full.protocols == load(studies | {"scale": {}}, root).protocols
    override = load(studies | {"overrides": {"protocols": {"brnet2023": {"split": {"members": 1}}}}}, root)
    assert override.protocols["brnet2023"].reduced == ("at most 1 member of 3",)
    table = build(small, {}).tables["brnet2023", "table5"]
    assert table.scales["brnet2023"].max_epochs == 5
    with pytest.raises(ConfigError, match=r"key 'scale': unknown key 'epochs'.*max_epochs"):
        load(studies | {"scale": {"epochs": 5}}, root)


def change_cfg(path, **change):
    """Change what the `run_info.json` next to a `metrics.json` says of the training."""
    info = json.loads(path.with_name("run_info.json").read_text())
    path.with_name("run_info.json").write_text(json.dumps(info | {"cfg": info["cfg"] | change}))


def collect(tmp_path, cfg, values=2135, error=0.097):
    folder = write_run(tmp_path / "runs", name_run("brnet"), [error, error])
    curation = tmp_path / "curation.json"
    curation.write_text(json.dumps({"materials": 9000, "properties": {"formation_energy": {"values": values}}}))
    return {name_run("brnet"): folder / "metrics.json"}, {"kefe": curation}, cfg


@pytest.mark.parametrize(
    ("error", "verdict", "sign", "tex"),
    [
        (0.097, "reproduced", "≈", r"\ensuremath{\approx}"),
        (0.101, "not reproduced", "≠", r"\ensuremath{\neq}"),
        (0.05, "not reproduced", "≠", r"\ensuremath{\neq}"),
    ],
)
def test_full_scale_is_compared_with_the_paper(tmp_path, error, verdict, sign, tex):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]), error=error)
    line = BUILDER.collect_frame(planned(cfg), metrics, curation).iloc[0]
    assert (line["scale"], line["verdict"]) == ("full", verdict)
    assert (line["materials"], line["published_materials"], line["max_epochs"]) == (2135, 2135, 3000)
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), metrics, curation, outputs)
    assert f'<td class="{verdict.replace(" ", "-")}" data-label="BRNet"' in outputs["html"].read_text()
    assert sign in outputs["text"].read_text()
    assert tex in outputs["tex"].read_text()


@pytest.mark.parametrize(("margin", "verdict"), [(0.0048, "reproduced"), (0.001, "not reproduced")])
def test_a_value_beyond_the_margin_of_its_cell_is_not_reproduced(tmp_path, margin, verdict):
    """4 % are inside 5 % of the published value, but not inside half a gap of 2 % to the next model."""
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]), error=0.0998)
    cfg["cells"][0]["margin"] = margin
    assert BUILDER.collect_frame(planned(cfg), metrics, curation)["verdict"][0] == verdict


def test_another_model_than_the_published_one_has_a_difference_and_no_verdict(tmp_path):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]))
    cfg["cells"][0]["reproduces"] = False
    line = BUILDER.collect_frame(planned(cfg), metrics, curation).iloc[0]
    assert pd.isna(line["verdict"])
    assert line["difference_percent"] == pytest.approx(100 * (0.097 / 0.096 - 1))


@pytest.mark.parametrize(("other_data", "verdict"), [(False, "reproduced"), (True, None)])
def test_a_recorded_value_is_marked_and_on_other_data_never_compared(tmp_path, other_data, verdict):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]))
    about = {"commit": "0123456789ab", "finished": "2026-01-02", "other_data": other_data}
    cfg["recorded"] = {name_run("brnet"): about}
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), metrics, curation, outputs)
    (line,) = BUILDER.read(outputs["csv"])
    assert (line.recorded, line.verdict) == ("0123456789ab", verdict)
    text = " ".join(outputs["text"].read_text().split())
    assert "Values marked § are recorded, not computed here: 1 of 1 cells (commit 0123456789ab" in text
    assert ("recorded on other data than those curated here" in text) == other_data
    assert r"\textsection{}" in outputs["tex"].read_text()


def test_a_value_recorded_with_other_settings_names_them_and_is_never_compared(tmp_path):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]))
    other = "protocol.training.batch_size 32 in place of 512"
    cfg["recorded"] = {name_run("brnet"): {"commit": "0123", "finished": "2026-01-02", "other_settings": other}}
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), metrics, curation, outputs)
    (line,) = BUILDER.read(outputs["csv"])
    assert (line.verdict, line.scale, line.reduced_by) == (None, "reduced", f"recorded with {other}")
    assert f"recorded with {other}" in " ".join(outputs["text"].read_text().split())


def test_the_caption_counts_recorded_values_of_fewer_members(tmp_path):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]))
    cfg["recorded"] = {name_run("brnet"): {"commit": "0123", "finished": "2026-01-02", "fewer_members": [2, 3]}}
    cfg["scales"]["brnet2023"]["drawn_tests"] = 3
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), metrics, curation, outputs)
    (line,) = BUILDER.read(outputs["csv"])
    assert (line.scale, line.members) == ("full", 2)
    assert line.difference_error == pytest.approx(line.standard_error * 1.5**0.5)
    assert "Of fewer members than declared: 1 with 2 of 3." in " ".join(outputs["text"].read_text().split())
    del cfg["recorded"]  # as the page of all tables is made, from their csv
    assert BUILDER.view(planned(cfg), [line], curation)


def test_the_caption_describes_the_data_of_recorded_values(tmp_path):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet", "BNet"], ["0.096", "0.103"]))
    metrics[name_run("bnet")] = write_run(tmp_path / "runs", name_run("bnet"), [0.1]) / "metrics.json"
    about = {
        "commit": "0123",
        "finished": "2026-01-02",
        "data": {"title": "KEFE", "version": "a copy", "license": "own"},
    }
    cfg["recorded"] = {name_run("brnet"): about}

    def write():
        outputs = place(tmp_path / "out", "table")
        BUILDER.write(planned(cfg), metrics, curation, outputs)
        return " ".join(outputs["text"].read_text().split())

    assert "KEFE, recorded (number of materials not known; a copy; own)" in write()
    del metrics[name_run("bnet")]
    assert "Data: KEFE (9,000 materials; a copy; own)." in write()
    cfg["recorded_elsewhere"] = 1
    assert "of which 1 are recorded on copies of the data, shown with --configfile config/overlays/" in write()


def test_a_part_of_a_larger_set_is_compared_by_the_set_that_its_training_rows_are_the_share_of(tmp_path, root):
    protocols = load({"studies": ["huang2020"]}, root).protocols
    assert protocols["huang2020_dnn@train_rows=45895"].split.set_of_train_rows == pytest.approx(56_661, abs=2)
    assert protocols["huang2020_dnn"].split.set_of_train_rows is None
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]), values=9000)
    assert BUILDER.collect_frame(planned(cfg), metrics, curation).iloc[0]["scale"] == "larger"
    cfg["scales"]["brnet2023"]["set_of_train_rows"] = 2135
    assert BUILDER.collect_frame(planned(cfg), metrics, curation).iloc[0]["scale"] == "full"
    # Without a printed value of that size it is a point of a curve over the whole set.
    cfg["cells"][0] |= {"published": None, "published_size": 9000}
    assert BUILDER.collect_frame(planned(cfg), metrics, curation).iloc[0]["scale"] == "full"


@pytest.mark.parametrize(
    ("drawn_tests", "standard_error", "verdict", "decided"),
    [
        (3, 0.03, "undecided", "by no number of them"),
        (3, 0.02, "not reproduced", ""),
        (1, 0.03, "undecided", "by no number of them"),
        (None, 0.03, "not reproduced", ""),  # no sampling of test sets, and the members are alike
        (1, 0.022, "undecided", "more members"),
    ],
)
def test_the_sampling_of_the_test_sets_can_leave_a_verdict_open(
    tmp_path, drawn_tests, standard_error, verdict, decided
):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]), error=0.15)
    [path] = metrics.values()
    found = json.loads(path.read_text())
    found["test"]["mean"]["mae_standard_error"] = standard_error
    path.write_text(json.dumps(found))
    cfg["scales"]["brnet2023"]["drawn_tests"] = drawn_tests
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), metrics, curation, outputs)
    line = BUILDER.read_frame(outputs["csv"]).iloc[0]
    assert line["verdict"] == verdict  # the difference is 0.054
    if drawn_tests == 3 and standard_error == 0.03:
        assert line["difference_error"] == pytest.approx(0.03 * 1.5**0.5)  # of two members
    text = " ".join(outputs["text"].read_text().split())
    assert ("≟" in text) == (verdict == "undecided")
    assert decided in text


def test_the_test_parts_that_chance_chose_are_counted(root):
    protocols = load({"studies": ["brnet2023", "tatis2021", "elemflow"]}, root).protocols
    expected = {
        "brnet2023": 3, "recommended": 1, "recipe@splits=3": 3, "brnet2023_5x2": None, "recipe@folds=10,members_per_fold=5,scheme=k_fold,split.seed=2023": None,
        "matbench": None, "recipe_crabnet_split": None, "tatis2021": None,
        "tatis2021@report=mean": 1,
    }  # fmt: skip
    assert {name: protocols[name].n_random_test_sets for name in expected} == expected
    assert protocol({}, report="best_on_test").n_random_test_sets is None
    held_out = {"hold_out": {"element": "Mg", "train_fraction": 0.2, "test_fraction": 0.2}}
    assert protocol(held_out).n_random_test_sets is None


def test_protocols_of_one_name_test_the_same_materials(root):
    """The other way round as well: as many different test sets as names, among all protocols that divide at random."""
    protocols = load({"studies": ["brnet2023", "irnet2021", "tatis2021", "huang2020", "elemflow"]}, root).protocols
    compositions = [f"Fe{i}O" for i in range(1, 301)]
    tests_of: dict[str, set[tuple[bytes, ...]]] = {}
    for protocol in protocols.values():
        split = protocol.split
        if isinstance(split, RandomScheme) and split.hold_out is None:
            parts = dict.fromkeys((roles == 2).tobytes() for roles in split.members(compositions))
            tests_of.setdefault(split.test_sets, set()).add(tuple(parts))
    assert all(len(parts) == 1 for parts in tests_of.values())
    assert len(set.union(*tests_of.values())) == len(tests_of) > 5
    assert protocols["brnet2023"].split.test_sets == protocols["recipe@splits=3"].split.test_sets
    assert protocols["brnet2023"].split.test_sets != protocols["recipe"].split.test_sets


def test_a_reduced_value_is_never_marked_as_reproduced_or_not(tmp_path):
    cfg = make_table(["BRNet"], ["0.096"])
    cfg["scales"]["brnet2023"] |= {"max_materials": 2000, "max_epochs": 5, "reduced": ["at most 5 epochs of 3,000"]}
    metrics, curation, cfg = collect(tmp_path, cfg)
    change_cfg(metrics[name_run("brnet")], protocol={"training": {"max_epochs": 5}})
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), metrics, curation, outputs)
    line = BUILDER.read_frame(outputs["csv"]).iloc[0]
    assert (line["scale"], line["materials"], line["max_epochs"]) == ("reduced", 2000, 5)
    texts = {name: path.read_text() for name, path in outputs.items()}
    assert "≈" not in texts["text"]
    assert "≠" not in texts["text"]
    assert "† " in texts["text"]
    assert "at most 5 epochs of 3,000" in " ".join(texts["text"].split())
    assert "2,000 of 2,135" in texts["html"]
    assert 'class="difference reproduced"' not in texts["html"]
    assert line["difference_percent"] != 0
    assert " %" not in texts["text"].split("Data:")[0].replace("per cent", "")


def test_epochs_are_those_of_the_run_and_estimators_have_none(tmp_path):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet", "BNet"], ["0.096", "0.1"]))
    change_cfg(metrics[name_run("brnet")], protocol={"training": {"max_epochs": 120}})
    found = BUILDER.collect_frame(planned(cfg), metrics, curation)["max_epochs"]
    assert (found[0], pd.isna(found[1])) == (120, True), "the second has no run"
    change_cfg(metrics[name_run("brnet")], model={"kind": "estimator"})
    assert pd.isna(BUILDER.collect_frame(planned(cfg), metrics, curation)["max_epochs"][0])


def test_much_fewer_materials_than_the_paper_had_are_a_reduced_scale(tmp_path):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]), values=1000)
    line = BUILDER.collect_frame(planned(cfg), metrics, curation).iloc[0]
    assert line["scale"] == "reduced"
    assert line["reduced_by"] == "1,000 materials, 2,135 in the paper"


@pytest.mark.parametrize(("values", "scale"), [(2668, "full"), (2670, "larger")])
def test_more_materials_than_the_paper_had_are_marked_and_give_no_verdict(tmp_path, values, scale):
    metrics, curation, cfg = collect(tmp_path, make_table(["BRNet"], ["0.096"]), values=values)
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), metrics, curation, outputs)
    line = BUILDER.read_frame(outputs["csv"]).iloc[0]
    assert line["scale"] == scale
    assert pd.isna(line["reduced_by"])
    assert pd.isna(line["verdict"]) == (scale == "larger")
    text = " ".join(outputs["text"].read_text().split())
    assert "+1.0 %" in text, "the difference is shown"
    assert ("‡" in text) == ("2,670 materials, 2,135 in the paper" in text) == (scale == "larger")
    assert (r"\textdaggerdbl{}" in outputs["tex"].read_text()) == (scale == "larger")


def test_reservations_about_a_printed_value_are_footnotes(tmp_path):
    cfg = make_table(["BRNet", "BNet"], ["0.096", "0.1"])
    cfg["cells"][1]["published_note"] = "misprinted"
    metrics, curation, cfg = collect(tmp_path, cfg)
    outputs = place(tmp_path / "out", "table")
    BUILDER.write(planned(cfg), metrics, curation, outputs)
    text = outputs["text"].read_text()
    assert "0.1 [a]" in text
    assert "Published: [a] misprinted." in text
