import pandas as pd
import pytest
from PIL import Image
from reporting_samples import make_figure, name_run, place, write_run

from elemflow.registry import FIGURES
from elemflow.reporting.figures import write_figure
from elemflow.reporting.kinds import training_curves

LIMIT = 500_000  # bytes


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    errors = {"brnet": [0.1, 0.2, 0.3], "bnet": [0.4]}
    return {name_run(model): write_run(root, name_run(model), values) for model, values in errors.items()}


def draw(folder, kind, runs, models=("BRNet", "BNet")):
    outputs = place(folder, "figure")
    write_figure(make_figure(kind, list(models)), runs, {}, outputs)
    return outputs


def numbers_of(outputs):
    return pd.read_csv(outputs["csv"])


@pytest.mark.parametrize("kind", FIGURES)
def test_equal_bytes_and_small_files(tmp_path, runs, kind):
    first, second = draw(tmp_path / "a", kind, runs), draw(tmp_path / "b", kind, runs)
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes(), name
        assert first[name].stat().st_size < LIMIT
    assert "<dc:date>" not in first["svg"].read_text()


@pytest.mark.parametrize("kind", FIGURES)
def test_caption_names_values_and_what_is_left_out(tmp_path, runs, kind):
    text = " ".join(draw(tmp_path, kind, runs, ("BRNet", "BNet", "IRNet"))["text"].read_text().split())
    for part in ("Kingsbury enthalpies", "81 % training", "0.200 ± 0.100", "0.1", "Left out, without a result: 1 of 3"):
        assert part in text, part


def test_parity_numbers_are_test_rows_and_percentiles(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "parity", runs)).query("series == 'BRNet'")
    points = numbers.query("quantity == 'prediction'")
    assert len(points) == 3 * 40
    assert (points["y"] - points["x"]).abs().mean() == pytest.approx(0.2)
    marks = numbers.query("quantity == 'absolute_error_percentile'")
    assert marks[["x", "y"]].to_numpy().tolist() == [[pytest.approx(0.2), 0.5], [pytest.approx(0.3), 0.9]]


def test_parity_of_many_points_becomes_hexagons(tmp_path):
    run = name_run("brnet")
    runs = {run: write_run(tmp_path / "runs", run, [0.05], rows=34_000)}
    outputs = draw(tmp_path, "parity", runs, ("BRNet",))
    hexagons = numbers_of(outputs).query("quantity == 'prediction_hexagon'")
    assert hexagons["count"].sum() == 34_000
    assert all(outputs[name].stat().st_size < LIMIT for name in ("svg", "png", "csv"))


def test_training_curves_keep_the_best_epoch_when_thinned(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "training_curves", runs)).query("series == 'BRNet' and member == 1")
    best = numbers.query("quantity == 'best_epoch'").iloc[0]
    assert (best["x"], best["y"]) == (777, pytest.approx(0.2))
    curve = numbers.query("quantity == 'validation_error'")
    assert len(curve) <= training_curves.EPOCHS_DRAWN + 2
    assert {1, 777, 1200} <= set(curve["x"])


def test_bars_numbers(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "bars", runs)).query("series == 'BRNet'").set_index("quantity")["x"]
    assert numbers["reproduced"] == pytest.approx(0.2)
    assert numbers["reproduced_member"].tolist() == [0.1, 0.2, 0.3]
    assert numbers["published"] == 0.1


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize(("models", "reason"), [((), "matches no run"), (("IRNet",), "none of the 1 runs")])
def test_nothing_to_draw_is_said(tmp_path, kind, models, reason):
    outputs = draw(tmp_path, kind, {}, models)
    assert "Nothing to draw" in outputs["text"].read_text()
    assert reason in outputs["text"].read_text()
    assert numbers_of(outputs).empty
    with Image.open(outputs["png"]) as image:
        assert image.width > 100


def test_run_without_history_is_left_out_of_curves(tmp_path):
    run = name_run("brnet")
    folder = write_run(tmp_path / "runs", run, [0.1])
    history = pd.read_parquet(folder / "history.parquet")
    history.iloc[:0].to_parquet(folder / "history.parquet")
    outputs = draw(tmp_path, "training_curves", {run: folder}, ("BRNet",))
    assert "none of the 1 runs has a result" in outputs["text"].read_text()


def test_calibration_draws_every_level_and_every_group(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "calibration", runs)).query("series == 'BRNet'")
    assert numbers["quantity"].value_counts().to_dict() == {
        "coverage_spread": 19, "coverage_absolute": 19, "coverage_normalised": 19, "error_by_spread": 10,
    }  # fmt: skip
    groups = numbers.query("quantity == 'error_by_spread'")
    assert (groups["x"] - groups["y"]).to_numpy() == pytest.approx([0.1] * 10, abs=1e-6)
