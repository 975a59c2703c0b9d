"""The plan as a whole."""

import json
import subprocess
import sys

import pytest
from factories.configuration import PROTOCOL
from factories.planning import build, settings, table

from elemflow.core.errors import ConfigError


def test_a_run_named_by_several_items_is_one_run():
    figure = table(kind="bars")
    found = build(settings({"a": table(), "b": table()}, {"f": figure}), {})
    assert len(found.runs) == 4
    assert set(map(tuple, found.runs.values())) == {("mine/a", "mine/b", "mine/f")}
    assert len(found.runs_of(found.figures["mine", "f"])) == 4


def test_a_figure_knows_the_labels_of_the_figures_of_its_study():
    figures = {"f": table(kind="bars"), "g": table(kind="parity", columns=[{"model": "rf"}])}
    found = build(settings({}, figures), {})
    for figure in found.figures.values():
        assert figure.study_labels == [["BRNet", "RF"], ["RF"]]


def test_plan_rows_are_for_people():
    header, first, *_ = build(settings({"t": table()}), {}).rows()
    assert header == ["dataset", "property", "representation", "model", "protocol", "used_by"]
    assert first == ["d1", "gap", "ef", "brnet", "validated", "mine/t"]


def test_cfgs_are_plain_json():
    found = build(settings({"t": table()}, {"f": table(kind="bars")}), {})
    for item in found.items:
        assert json.loads(json.dumps(item.parameters())) == item.parameters()
        assert type(item).model_validate(item.parameters()) == item


def test_reading_the_plan_imports_nothing_heavy(root):
    code = (
        "import sys; from pathlib import Path; from elemflow.config import load as config; from elemflow.plan import build as plan, published; from elemflow.provenance import code_digest\n"
        f"root = Path({str(root)!r}); values = published.read_published(root / 'resources/published/published_mae.csv')\n"
        "plan.build(config.load({'studies': ['brnet2023']}, root), values)\n"
        "print(sorted({'tensorflow', 'keras', 'jax', 'matminer', 'pymatgen', 'sklearn', 'pyarrow', 'pandas', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_figure_of_intervals_needs_protocols_that_compute_them():
    study = settings({}, {"f": table(kind="calibration")})
    with pytest.raises(
        ConfigError, match=r"key 'figures.f.kind': calibration shows what protocol 'validated' does not"
    ):
        build(study, {})
    study.protocols["validated"] |= {"uncertainty": True}
    assert build(study, {}).figures


def test_a_figure_of_an_element_held_out_needs_a_protocol_that_holds_one_out():
    study = settings({}, {"f": table(kind="hold_out")})
    with pytest.raises(ConfigError, match=r"Set its key 'split\.hold_out'"):
        build(study, {})
    held_out = {"hold_out": {"element": "Mg", "train_fraction": 0}}
    study.protocols["validated"] |= {"split": PROTOCOL["split"] | held_out}
    assert build(study, {}).figures


def test_a_run_that_is_shown_from_the_record_alone_is_not_computed():
    shown = table(columns=[{"model": "brnet", "recorded": True}, {"model": "rf"}])
    found = build(settings({"a": shown}), {})
    assert {run.model for run in found.runs} == {"rf"}
    assert {run.model: users for run, users in found.recorded.items()} == {"brnet": ["mine/a"]}
    assert len(found.runs_of(found.tables["mine", "a"])) == 4


def test_a_run_that_another_table_computes_is_no_recorded_run():
    shown = table(columns=[{"model": "brnet", "recorded": True}])
    found = build(settings({"a": shown, "b": table()}), {})
    assert {run.model for run in found.runs} == {"brnet", "rf"}
    assert not found.recorded


@pytest.mark.parametrize("kind", ["bars", "parity"])
def test_a_figure_shows_no_recorded_runs(kind):
    figure = table(kind=kind, columns=[{"model": "rf", "recorded": True}])
    with pytest.raises(ConfigError, match=rf"key 'figures.f.kind': {kind} cannot show recorded runs, such as d1/gap/"):
        build(settings({}, {"f": figure}), {})


@pytest.mark.parametrize(
    ("key", "value", "readers"),
    [
        ("level", 90, "intervals"),
        ("quantity", "parameters", "quantities"),
        ("inputs", "p", "important_inputs"),
        ("setting", "known_hull", "stability_by_distance, stability_calibration, stability_curves, stability"),
    ],
)
@pytest.mark.parametrize("place", ["defaults", "columns", "rows"])
def test_a_key_of_cells_that_the_kind_does_not_read_is_refused(key, value, readers, place):
    given = table()
    if place == "defaults":
        given = table(defaults={key: value})
    else:
        given = table(**{place: [{**given[place][0], key: value}, *given[place][1:]]})
    with pytest.raises(ConfigError) as refused:
        build(settings({"a": given}), {})
    assert str(refused.value) == (
        f"config/studies/mine.yaml: key 'tables.a.kind': errors does not read the key '{key}' of its cells, which is "
        f"for {readers}. Remove the key, or correct the kind."
    )
