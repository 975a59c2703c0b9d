"""Drawings of networks, and tables of their layers."""

import itertools
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.patches import FancyArrowPatch, Rectangle

from elemflow.core.errors import ConfigError
from elemflow.plan.workflow import Workflow
from elemflow.reporting.figures import style
from elemflow.reporting.figures.build import _read_models, write_figure
from elemflow.reporting.figures.kinds.network import draw
from elemflow.reporting.figures.panels import Numbers
from elemflow.reporting.tables.base import load_builder


@pytest.fixture(scope="module")
def plan(root: Path):
    return Workflow.load({"studies": ["brnet2023", "irnet2019"]}, root).plan


def draw_axes(plan, study: str, figure: str):
    style.apply_style()
    planned = plan.figures[study, figure]
    return draw(_read_models(planned), planned, Numbers()).axes


def count(axis, kind: type) -> int:
    return sum(type(patch) is kind for patch in axis.patches)


def test_every_layer_is_a_bar_and_every_shortcut_an_arrow(plan):
    plain, srnet, irnet = draw_axes(plan, "irnet2019", "networks48")
    assert [count(axis, Rectangle) for axis in (plain, srnet, irnet)] == [47 + 2] * 3  # inputs and output
    assert [count(axis, FancyArrowPatch) for axis in (plain, srnet, irnet)] == [0, 12, 47]


def test_texts_stay_inside_and_apart(plan):
    axes = draw_axes(plan, "brnet2023", "figure5")
    figure = axes[0].figure
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for axis in axes for text in (*axis.texts, axis._left_title)]
    assert not [1 for one, other in itertools.combinations(boxes, 2) if one.overlaps(other)]
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_the_csv_of_a_drawing_has_its_numbers(plan, tmp_path):
    outputs = {name: tmp_path / f"figure{suffix}" for name, suffix in
               (("svg", ".svg"), ("png", ".png"), ("csv", ".csv"), ("text", ""))}  # fmt: skip
    write_figure(plan.figures["brnet2023", "figure5"], {}, {}, outputs)
    numbers = pd.read_csv(tmp_path / "figure.csv")
    brnet = numbers[numbers["series"] == "BRNet"]
    assert brnet[brnet["quantity"] == "parameters"]["y"].sum() == 4_548_385
    assert brnet[(brnet["quantity"] == "layers") & (brnet["x"] == 1)]["y"].tolist() == [2, 2]
    assert "Nothing to draw" not in (tmp_path / "figure").read_text()


def test_a_table_has_the_stages_of_each_network(plan, tmp_path):
    outputs = {name: tmp_path / f"table.{name}" for name in ("text", "csv", "md", "tex", "html")}
    load_builder("layers").write(plan.tables["irnet2019", "table1"], {}, {}, outputs)
    lines = load_builder("layers").read(tmp_path / "table.csv")
    irnet = [line for line in lines if line.model == "irnet48"]
    assert (len(irnet), sum(line.parameters for line in irnet)) == (13, 11_815_793)
    assert (irnet[0].layers, irnet[0].does, irnet[0].skip) == (
        "4 × 1024",
        "FC, BN, ReLU",
        "a shortcut around each layer",
    )
    assert irnet[-1].stage == "output"
    assert "11,815,793" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("model", "automl", "no stages"), ("model", None, "no model"), ("representation", None, "no representation")],
)
def test_what_cannot_be_drawn_is_refused(root, project, key, value, message):
    study = project / "config/studies/brnet2023.yaml"
    defaults = {"model": "brnet", "representation": "ef"} | {key: value}
    given = ", ".join(f"{name}: {each}" for name, each in defaults.items() if each)
    figure = f"figures:\n  mine: {{title: M, kind: network, rows: [{{}}], columns: [{{{given}}}]}}\n"
    study.write_text(f"title: T\n{figure}", encoding="utf-8")
    for name in ("published_mae.csv", "published_other.csv", "references.bib"):
        copy = project / "resources/published" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((root / "resources/published" / name).read_bytes())
    with pytest.raises(ConfigError, match=message):
        Workflow.load({"studies": ["brnet2023"]}, project)
