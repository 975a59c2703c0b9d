import itertools
import json

import numpy as np
import pandas as pd
import pytest
from factories.reporting import make_common, make_figure, name_run, place, planned, write_run
from PIL import Image

from elemflow.config.kinds import DATA_FIGURES, FIGURES, OF_MODELS
from elemflow.core.files import write_json
from elemflow.evaluation.metrics import evaluate
from elemflow.reporting.figures import style
from elemflow.reporting.figures.build import write_figure
from elemflow.reporting.figures.kinds import training_curves
from elemflow.reporting.figures.panels import count_ticks, grid_of_axes, grid_of_pairs, round_ticks, wrap_labels

LIMIT = 500_000  # bytes


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    errors = {"brnet": [0.1, 0.2, 0.3], "bnet": [0.4]}
    return {name_run(model): write_run(root, name_run(model), values) for model, values in errors.items()}


def draw(folder, kind, runs, models=("BRNet", "BNet")):
    outputs = place(folder, "figure")
    write_figure(planned(make_figure(kind, list(models))), runs, {}, outputs)
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
    for part in (
        "Kingsbury enthalpies",
        "81 % training",
        "0.200 ± 0.100",
        "0.1",
        "Not drawn, without a result: 1 of 3",
    ):
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


def test_the_training_loss_is_that_of_the_history(tmp_path, drawing):
    run = name_run("brnet")
    folder = write_run(tmp_path / "runs", run, [0.1])
    path = folder / "history.parquet"
    pd.read_parquet(path).head(4).assign(train_loss=[0.4, 0.3, 0.2, 0.25]).to_parquet(path)
    numbers = numbers_of(draw(tmp_path, "training_loss", {run: folder}, ("BRNet",)))
    assert numbers.query("quantity == 'train_loss'")["y"].tolist() == [0.4, 0.3, 0.2, 0.25]
    assert numbers.query("quantity == 'best_epoch'")["x"].tolist() == [3]
    info = json.loads((folder / "run_info.json").read_text())
    info["cfg"]["protocol"]["training"]["loss"] = "mae"
    write_json(folder / "run_info.json", info)
    (axis,) = drawing(make_figure("training_loss", ["BRNet"]), {run: folder}, {}).axes
    assert axis.get_ylabel().startswith("Training MAE")


def test_training_curves_are_drawn_over_steps_where_validations_follow_them(tmp_path):
    run = name_run("brnet")
    folder = write_run(tmp_path / "runs", run, [0.1])
    history = pd.read_parquet(folder / "history.parquet")
    by_steps = history.assign(step=20 * history["epoch"], epoch=-(-20 * history["epoch"] // 30))
    by_steps.to_parquet(folder / "history.parquet")
    numbers = numbers_of(draw(tmp_path, "training_curves", {run: folder}, ("BRNet",)))
    assert numbers.query("quantity == 'best_step'")["x"].tolist() == [20 * 777]
    assert numbers.query("quantity == 'validation_error'")["x"].max() == 20 * 1200
    history.assign(step=None).to_parquet(folder / "history.parquet")  # as the trials of a search
    numbers = numbers_of(draw(tmp_path, "training_curves", {run: folder}, ("BRNet",)))
    assert numbers.query("quantity == 'best_epoch'")["x"].tolist() == [777]


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


def test_error_cdf_numbers_end_at_the_largest_error(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "error_cdf", runs)).query("series == 'BRNet'")
    curve = numbers.query("quantity == 'absolute_error_cumulative'")
    assert (curve["x"].iloc[-1], curve["y"].iloc[-1]) == (pytest.approx(0.3), 1)


def test_percentiles_are_readable_where_half_of_the_errors_are_0(tmp_path):
    run = name_run("brnet")
    folder = write_run(tmp_path / "runs", run, [0.37])
    points = pd.read_parquet(folder / "predictions.parquet")
    points["y_pred"] = points["y_pred"].where(points.index % 3 == 0, points["y_true"])
    points.to_parquet(folder / "predictions.parquet")
    svg = draw(tmp_path, "error_cdf", {run: folder}, ("BRNet",))["svg"].read_text(encoding="utf-8")
    assert "0.00  ·  0.37" in svg


def test_parity_draws_the_ensembles_where_they_are_reported(tmp_path):
    run = name_run("brnet")
    folder = write_run(tmp_path / "runs", run, [0.1, -0.1, 0.3, -0.1])
    points = pd.read_parquet(folder / "predictions.parquet")
    points[points["role"] == "test"].to_parquet(folder / "predictions.parquet")
    write_json(folder / "metrics.json", evaluate(folder / "predictions.parquet", "ensemble", "mean", 2).plain())
    numbers = numbers_of(draw(tmp_path, "parity", {run: folder}, ("BRNet",)))
    assert len(numbers.query("quantity == 'prediction'")) == 2 * 40
    assert numbers.query("quantity == 'absolute_error_percentile'")["x"].tolist() == pytest.approx([0.05, 0.1])


def test_error_by_target_counts_every_prediction_within_the_limits(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "error_by_target", runs)).query("series == 'BRNet'")
    assert numbers["count"].sum() == 3 * 40
    assert numbers.query("quantity == 'mean_absolute_error'")["y"].to_numpy() == pytest.approx(0.2)


def test_relative_change_is_that_of_the_means(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "relative_change", runs)).set_index("quantity")
    assert set(numbers["series"]) == {"BNet"}  # against which BRNet is compared
    assert numbers.loc["change_percent", "y"] == pytest.approx(100 * (0.2 / 0.4 - 1))
    assert numbers.loc["change_percent_published", "y"] == 0
    assert numbers["x"].to_dict() == {"change_percent": 400, "change_percent_published": 2135}


def test_relative_change_has_no_point_where_the_other_error_is_0(tmp_path):
    folders = {}
    for model, error in (("brnet", 0.2), ("bnet", 0.0)):
        folders[name_run(model)] = write_run(tmp_path / "runs", name_run(model), [error])
    outputs = draw(tmp_path, "relative_change", folders)
    assert numbers_of(outputs).empty


def test_relative_change_without_a_pair_is_said_in_the_panel(tmp_path, runs):
    outputs = draw(tmp_path, "relative_change", runs, ("IRNet", "BNet"))
    assert numbers_of(outputs).empty
    assert "Not drawn, without a result: 1 of 2" in outputs["text"].read_text()


def test_hold_out_draws_the_members_errors_with_and_without_the_element(tmp_path, runs):
    run = name_run("brnet")
    folder = write_run(tmp_path / "runs", run, [0.1, 0.3])
    predictions = pd.read_parquet(folder / "predictions.parquet").reset_index(drop=True)
    other = predictions["material_id"].isin([f"Fe{row}O" for row in range(1, 21)])
    predictions.loc[other, "material_id"] = "FO"  # fluorine, whose symbol begins that of iron
    predictions.loc[other, "y_pred"] = predictions["y_true"] + 1
    predictions.to_parquet(folder / "predictions.parquet")
    numbers = numbers_of(draw(tmp_path, "hold_out", {run: folder}, ("BRNet",))).set_index("quantity")
    assert numbers.loc["error_with_Fe", "y"].tolist() == [pytest.approx(0.1), pytest.approx(0.3)]
    assert numbers.loc["error_without_Fe", "y"].tolist() == [pytest.approx(1)] * 2
    assert set(numbers["x"]) == {20}


def test_importance_ranks_inputs_by_the_mean_over_members(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "importance", runs)).query("series == 'BRNet'").set_index("quantity")
    assert numbers.loc["increase_by_Fe", "y"].tolist() == [pytest.approx(2 * error) for error in (0.1, 0.2, 0.3)]
    assert numbers.loc["inputs_that_raise_the_error", "count"] == 2


def test_size_curve_and_cost_draw_what_the_members_used(tmp_path, runs):
    curve = numbers_of(draw(tmp_path / "a", "size_curve", runs)).query("series == 'BRNet'").set_index("quantity")
    assert (curve.loc["error", "x"], curve.loc["error", "y"]) == (320, pytest.approx(0.2))
    assert curve.loc["spread", "x"] == 320
    assert curve.loc["spread", "y"] > 0
    cost = numbers_of(draw(tmp_path / "b", "cost", runs)).query("series == 'BRNet'").set_index("quantity")
    assert cost.loc["seconds_and_error", "x"] == 120
    assert cost.loc["parameters", "count"] == 4_548_385


def test_published_values_of_a_size_curve_stand_at_the_share_of_the_papers_materials(tmp_path, drawing):
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.1])
    info = json.loads((folder / "run_info.json").read_text())
    split = {"scheme": "fractions", "train": 0.81, "validation": 0.09, "test": 0.1, "seed": 1}
    info["cfg"]["protocol"]["split"] = split
    (folder / "run_info.json").write_text(json.dumps(info))
    curve = numbers_of(draw(tmp_path, "size_curve", {name_run("brnet"): folder}, ("BRNet",))).set_index("quantity")
    assert (curve.loc["error", "x"], curve.loc["published", "x"]) == (320, round(0.81 * 2135))
    (axis,) = drawing(make_figure("size_curve", ["BRNet"]), {name_run("brnet"): folder}, {}).axes
    assert {320, round(0.81 * 2135)} <= set(axis.get_xticks())


def test_a_size_curve_shows_what_the_first_model_gains(tmp_path, drawing, runs):
    changes = numbers_of(draw(tmp_path, "size_curve", runs)).query("series == 'BNet'").set_index("quantity")
    assert (changes.loc["change_percent", "x"], changes.loc["change_percent", "y"]) == (320, pytest.approx(-50))
    cfg = make_figure("size_curve", ["BRNet", "BNet"])
    cfg["panels"][0]["series"][1] |= {"published": 0.5}
    outputs = place(tmp_path / "printed", "figure")
    write_figure(planned(cfg), runs, {}, outputs)
    changes = numbers_of(outputs).query("series == 'BNet'").set_index("quantity")
    assert changes.loc["change_percent_published", "y"] == pytest.approx(-80)
    figure = drawing(make_figure("size_curve", ["BRNet", "BNet"]), runs)
    above, below = figure.axes
    assert above.get_legend() is below.get_legend() is None
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["BRNet", "BNet"]
    assert (above.get_xlabel(), below.get_xlabel()) == ("", "Training materials")
    assert not any(label.label1.get_visible() for label in above.xaxis.get_major_ticks())


def test_a_size_curve_without_a_pair_keeps_its_numbers_of_materials(tmp_path, drawing, runs):
    alone = name_run("bnet", "kebg")
    cfg = make_figure("size_curve", ["BRNet", "BNet"])
    (panel,) = cfg["panels"]
    cfg["panels"].append({"label": "KEBG", "series": [panel["series"][1] | {"run": alone, "dataset": "kebg"}]})
    figure = drawing(cfg, runs | {alone: write_run(tmp_path, alone, [0.3])})
    assert "no row has two models" in [text.get_text() for axis in figure.axes for text in axis.texts]
    assert [axis.get_xlabel() for axis in figure.axes if axis.axison] == [
        "",
        "Training materials",
        "Training materials",
    ]
    for axis in (axis for axis in figure.axes if axis.get_xlabel()):
        assert any(tick.label1.get_visible() for tick in axis.xaxis.get_major_ticks())


def test_a_size_curve_of_one_model_has_nothing_below(tmp_path, drawing, runs):
    first = {name_run("brnet"): runs[name_run("brnet")]}
    assert len(drawing(make_figure("size_curve", ["BRNet", "BNet"]), first).axes) == 1
    cfg = make_figure("size_curve", ["BRNet", "BNet"]) | {"metric": "r2"}  # no percentage of an R² is worth reading
    assert len(drawing(cfg, runs).axes) == 1


@pytest.mark.parametrize(("monitor", "label"), [("test", "Test MAE"), ("validation", "Validation MAE")])
def test_training_curves_name_the_part_that_stops(tmp_path, drawing, monitor, label):
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.1])
    info = json.loads((folder / "run_info.json").read_text())
    info["cfg"]["protocol"]["training"] = {"early_stopping": {"monitor": monitor, "patience": 3}}
    (folder / "run_info.json").write_text(json.dumps(info))
    (axis,) = drawing(make_figure("training_curves", ["BRNet"]), {name_run("brnet"): folder}, {}).axes
    assert axis.get_ylabel().startswith(label)


@pytest.mark.parametrize("report", ["ensemble", "best_on_test"])
def test_cost_is_that_of_one_member_whatever_is_reported(tmp_path, report):
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.1, -0.3])
    points = pd.read_parquet(folder / "predictions.parquet")
    points[points["role"] == "test"].to_parquet(folder / "predictions.parquet")
    ensemble = "mean" if report == "ensemble" else None
    write_json(folder / "metrics.json", evaluate(folder / "predictions.parquet", report, ensemble, 2).plain())
    outputs = draw(tmp_path, "cost", {name_run("brnet"): folder}, ("BRNet",))
    point = numbers_of(outputs).set_index("quantity").loc["seconds_and_error"]
    assert (point["x"], point["y"]) == (90, pytest.approx(0.2))  # 60 s and 120 s, 0.1 and 0.3; both report 0.1
    assert "also where the values above are those of ensembles" in " ".join(outputs["text"].read_text().split())


def test_cost_of_a_model_without_parameters_is_drawn(tmp_path):
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.1])
    info = json.loads((folder / "run_info.json").read_text())
    del info["members"]["0"]["parameters"]
    (folder / "run_info.json").write_text(json.dumps(info))
    numbers = numbers_of(draw(tmp_path, "cost", {name_run("brnet"): folder}, ("BRNet",)))
    assert set(numbers["quantity"]) == {"seconds_and_error"}


def test_element_vectors_are_placed_by_their_principal_components(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "element_vectors", runs)).query("series == 'BRNet'")
    assert len(numbers) == 86
    assert numbers["count"].max() == 94  # atomic number of plutonium
    assert abs(numbers["x"]).max() == pytest.approx(42.5 * np.sqrt(2.0001))
    assert numbers["y"].abs().max() < 1e-9  # all vectors lie on a line


def test_element_vectors_need_a_dense_layer_on_the_elements(tmp_path, runs):
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.1])
    (folder / "model/member-0.keras").unlink()
    assert numbers_of(draw(tmp_path, "element_vectors", {name_run("brnet"): folder}, ("BRNet",))).empty


@pytest.fixture(scope="module")
def curation(tmp_path_factory):
    paths = {}
    for dataset, compositions in {"kefe": ["Fe2O3", "FeO", "NaCl"], "kebg": ["NaCl", "GaAs"]}.items():
        folder = tmp_path_factory.mktemp(dataset)
        values = np.arange(len(compositions)) + 225.0
        frame = pd.DataFrame({"composition": compositions, "spacegroup": values, "gap": values / 100})
        frame["formation_energy"] = -values.astype(float)
        frame.loc[frame["composition"] == "NaCl", "formation_energy"] = None
        frame.to_parquet(folder / "materials.parquet")
        (folder / "curation.json").write_text(json.dumps({"materials": len(compositions)}))
        paths[dataset] = folder / "curation.json"
    return paths


def draw_datasets(folder, kind, curation, prop="spacegroup", missing=""):
    series = [
        {"label": name.upper(), "dataset": name, "dataset_title": name, "property": prop, "property_title": prop, "unit": "1", "missing": missing}
        for name in ("kefe", "kebg")
    ]  # fmt: skip
    about = {name: {"title": name, "citation": []} for name in curation}
    panels = [{"label": "All", "series": series}]
    cfg = make_common() | {"figure": "f", "title": "Data", "kind": kind, "panels": panels, "datasets": about}
    cfg["study_labels"] = [["KEFE", "KEBG"]]
    outputs = place(folder, "figure")
    write_figure(planned(cfg), {}, curation, outputs)
    return outputs


def test_element_population_counts_materials_with_an_element(tmp_path, curation):
    outputs = draw_datasets(tmp_path, "element_population", curation)
    counts = numbers_of(outputs).set_index(["series", "quantity"])["count"]
    assert counts["KEFE", "materials_with_Fe"] == 2
    assert counts["KEBG", "materials_with_Fe"] == 0
    assert counts["KEFE", "materials_with_Na"] == 1
    assert "kefe (3 materials)" in outputs["text"].read_text()
    energies = numbers_of(draw_datasets(tmp_path / "c", "element_population", curation, "formation_energy"))
    assert set(energies["quantity"]) == {f"materials_with_{symbol}" for symbol in ("O", "Fe", "Ga", "As")}
    without_property = numbers_of(draw_datasets(tmp_path / "d", "element_population", curation, ""))
    assert list(without_property["count"]) == list(counts)
    assert (
        outputs["png"].read_bytes() == draw_datasets(tmp_path / "b", "element_population", curation)["png"].read_bytes()
    )


@pytest.mark.parametrize("prop", ["spacegroup", "gap"])
def test_distribution_has_a_bar_per_whole_number_and_bins_else(tmp_path, curation, prop):
    numbers = numbers_of(draw_datasets(tmp_path, "distribution", curation, prop))
    kefe = numbers.query("series == 'KEFE'")
    assert len(kefe) == (3 if prop == "spacegroup" else 50)
    if prop == "spacegroup":
        assert kefe["x"].tolist() == [225, 226, 227]
        assert kefe["y"].to_numpy() == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", sorted({*DATA_FIGURES} - {*OF_MODELS}))
def test_datasets_that_are_not_at_hand_are_said(tmp_path, curation, kind):
    outputs = draw_datasets(tmp_path, kind, curation, missing="not public")
    assert "Nothing to draw: none of its datasets is at hand" in outputs["text"].read_text()


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """One member of two trains on Fe3O4#b, both on FeO."""
    path = tmp_path_factory.mktemp("splits") / "brnet2023.parquet"
    rows = [("FeO", 0, "train"), ("FeO", 1, "train"), ("Fe3O4#b", 0, "train"), ("Fe3O4#b", 1, "test"),
            ("ZnO", 0, "validation"), ("ZnO", 1, "train")]  # fmt: skip
    pd.DataFrame(rows, columns=["material_id", "member", "role"]).to_parquet(path)
    return {"kefe/formation_energy/brnet2023": path}


def test_element_error_counts_training_materials_and_needs_five_predictions(tmp_path, runs, splits):
    outputs = place(tmp_path, "figure")
    write_figure(planned(make_figure("element_error", ["BRNet"])), runs, {}, outputs, splits)
    numbers = numbers_of(outputs).set_index("quantity")
    assert set(numbers.index) == {"error_of_Fe", "error_of_O"}  # nothing with zinc is tested
    assert numbers.loc["error_of_Fe", "x"] == 1.5
    assert numbers.loc["error_of_Fe", "y"] == pytest.approx(0.2)
    assert numbers.loc["error_of_O", "x"] == 2


def test_element_comparison_is_over_the_materials_that_both_predict(tmp_path):
    runs = {name_run(model): write_run(tmp_path, name_run(model), errors)
            for model, errors in (("brnet", [0.1, 0.2]), ("bnet", [0.4]))}  # fmt: skip
    points = pd.read_parquet(runs[name_run("bnet")] / "predictions.parquet")
    points["material_id"] = (
        points["material_id"].str.replace("Fe40O", "Zn40O").str.replace(r"^Fe(\d)O", r"Ni\1O", regex=True)
    )
    points.to_parquet(runs[name_run("bnet")] / "predictions.parquet")
    numbers = numbers_of(draw(tmp_path, "element_comparison", runs)).set_index("quantity")
    assert set(numbers.index) == {"errors_of_Fe", "errors_of_O"}
    assert numbers["x"].to_numpy() == pytest.approx([0.1, 0.1])  # the first member alone has a partner
    assert numbers["y"].to_numpy() == pytest.approx([0.4, 0.4])
    assert set(numbers["series"]) == {"BNet"}


@pytest.mark.parametrize("limits", [(80, 120), (13, 210), (40, 3900), (3, 90_000)])
def test_counts_on_a_logarithmic_axis_do_not_touch(limits):
    figure, (axis,) = grid_of_axes(1, width=4, height=3.5)
    axis.set(xscale="log", xlim=limits)
    round_ticks(axis)
    figure.draw_without_rendering()
    style.parse_math_of_powers(figure)
    figure.draw_without_rendering()
    ticks = [*axis.xaxis.get_major_ticks(), *axis.xaxis.get_minor_ticks()]
    labels = [tick.label1 for tick in ticks if limits[0] <= tick.get_loc() <= limits[1]]
    assert len(boxes(labels)) > 1
    assert not overlap(boxes(labels))
    style.plt.close(figure)


def test_element_comparison_without_a_partner_is_said(tmp_path, runs, drawing):
    first = {name_run("brnet"): runs[name_run("brnet")]}
    (axis,) = drawing(make_figure("element_comparison", ["BRNet", "BNet"]), first).axes
    assert "no pair of BRNet" in axis.texts[0].get_text()


def test_why_series_are_left_out_is_said(tmp_path, runs):
    cfg = make_figure("bars", ["BRNet", "BNet"])
    cfg["panels"][0]["series"][1] |= {"missing": "BNet was lost", "run": "none/at/all/was/run"}
    outputs = place(tmp_path, "figure")
    write_figure(planned(cfg), runs, {}, outputs)
    text = " ".join(outputs["text"].read_text().split())
    assert "BNet was lost (1)" in text
    assert "without a result" not in text


def test_a_caption_says_which_runs_are_at_a_reduced_scale(tmp_path, runs):
    cfg = make_figure("bars", ["BRNet", "BNet"])
    cfg["scales"]["brnet2023"] |= {"max_epochs": 5, "reduced": ["at most 5 epochs of 3,000"]}
    for name, drawn, told in (("small", cfg, True), ("full", make_figure("bars", ["BRNet", "BNet"]), False)):
        outputs = place(tmp_path / name, "figure")
        write_figure(planned(drawn), runs, {}, outputs)
        text = " ".join(outputs["text"].read_text().split())
        assert ("Reduced scale, 2 of 2 runs: at most 5 epochs of 3,000." in text) is told


def test_calibration_draws_every_level_and_every_group(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "calibration", runs)).query("series == 'BRNet'")
    assert numbers["quantity"].value_counts().to_dict() == {
        "coverage_spread": 19, "coverage_absolute": 19, "coverage_normalised": 19, "error_by_spread": 10,
    }  # fmt: skip
    groups = numbers.query("quantity == 'error_by_spread'")
    assert (groups["x"] - groups["y"]).to_numpy() == pytest.approx([0.1] * 10, abs=1e-6)


def test_applicability_has_a_point_per_group_with_rows(tmp_path, runs):
    numbers = numbers_of(draw(tmp_path, "applicability", runs)).query("series == 'BRNet'")
    errors = numbers.query("quantity == 'mean_absolute_error'")
    assert errors["y"].to_numpy() == pytest.approx([0.2] * len(errors))
    shares = numbers.query("quantity == 'share'")
    assert shares["y"].sum() == pytest.approx(1)
    assert shares["count"].sum() == 3 * 40
    assert shares["count"].iloc[-1] == 3 * 10  # every fourth material has an unseen element


@pytest.fixture
def drawing(tmp_path, monkeypatch):
    """Draw a figure as it is saved and keep it open."""
    kept = []
    monkeypatch.setattr(style, "save_figure", lambda figure, *_: kept.append(figure))

    def draw_open(cfg, runs, curation=None, splits=None):
        write_figure(planned(cfg), runs, curation or {}, place(tmp_path, "figure"), splits)
        kept[-1].draw_without_rendering()
        return kept[-1]

    yield draw_open
    style.plt.close("all")


def boxes(texts):
    return [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]


def titles(figure):
    return boxes(axis.set_title(axis.get_title("left"), loc="left") for axis in figure.axes if axis.axison)


def legends(figure):
    owners = [figure, *figure.subfigs, *figure.axes]
    found = [legend for owner in owners for legend in getattr(owner, "legends", [getattr(owner, "legend_", None)])]
    return [legend.get_window_extent() for legend in found if legend]


def overlap(some):
    return any(one.overlaps(other) for one, other in itertools.combinations(some, 2))


LONG = {"brnet": "Random forest of structure and composition", "bnet": "Plain network (17 layers)"}
ASIDE = ("parity", "error_cdf", "bars", "cost", "training_curves", "relative_change", "importance", "element_error")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ASIDE)
@pytest.mark.parametrize("count", [1, 3])
def test_titles_and_legends_cover_nothing_when_labels_are_long(drawing, runs, splits, kind, count):
    cfg = make_figure(kind, ["BRNet", "BNet"])
    (panel,) = cfg["panels"]
    series = [each | {"label": label} for each, label in zip(panel["series"], LONG.values(), strict=True)]
    cfg["panels"] = [
        {"label": f"Materials Project (huang2020) {number} · Formation energy per atom (eV/atom)", "series": series}
        for number in range(count)
    ]
    figure = drawing(cfg, runs, splits=splits)
    assert not overlap(titles(figure))
    assert all(box.x1 <= figure.bbox.x1 + 1 for box in titles(figure))
    inside = [axis.get_window_extent() for axis in figure.axes if axis.axison]
    assert legends(figure)
    for legend in legends(figure):
        assert not any(legend.overlaps(box) for box in inside)
        assert legend.width <= figure.bbox.width


@pytest.mark.parametrize("kind", ["applicability", "error_by_target"])
@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 3), (4, 2), (13, 3)])
def test_pairs_of_axes_go_on_below(drawing, runs, curation, kind, count, columns):
    cfg = make_figure(kind, ["BRNet", "BNet"])
    (panel,) = cfg["panels"]
    cfg["panels"] = [
        panel | {"label": f"KEFE · Formation enthalpy, pre-trained on {number}"} for number in range(count)
    ]
    figure = drawing(cfg, runs, curation)
    shown = [axis.get_window_extent() for axis in figure.axes if axis.axison]
    assert len(shown) == 2 * count
    assert not overlap(shown + titles(figure))
    assert len({round(box.x0) for box in shown}) == columns


def test_the_axes_of_a_pair_share_their_values_and_with_no_other_pair():
    figure, pairs = grid_of_pairs(5, width=2, height=2)
    pairs[0][1].set_xlim(0, 7)
    assert [above.get_xlim() for above, _ in pairs[:2]] == [(0, 7), (0, 1)]
    style.plt.close(figure)


def test_a_title_breaks_at_its_dot_before_it_breaks_at_a_space():
    style.apply_style()
    figure, axes = grid_of_axes(2, width=3, height=2)
    axes[0].set_title("Materials Project · Formation energy (eV/atom)")
    axes[1].set_title("OQMD")
    wrap_labels(figure)
    assert axes[0].get_title("left") == "Materials Project ·\nFormation energy (eV/atom)"
    assert axes[1].get_title("left") == "OQMD"
    style.plt.close(figure)


@pytest.mark.parametrize(
    "sizes", [[322, 324], [400], [1000, 3000, 10_000, 30_000, 45_895, 100_000, 230_960], list(range(1000, 2000, 37))]
)
def test_ticks_stand_at_counts_and_their_labels_are_apart(sizes):
    style.apply_style()
    figure, (axis,) = grid_of_axes(1, width=4, height=3)
    axis.plot(sizes, sizes, "o")
    axis.set(xscale="log")
    figure.draw_without_rendering()
    count_ticks(axis, sizes)
    figure.draw_without_rendering()
    assert not overlap(boxes(axis.get_xticklabels(which="both")))
    ticks = [float(tick) for tick in axis.get_xticks()]
    assert set(ticks) <= set(sizes)
    assert {sizes[0], sizes[-1]} <= set(ticks)
    style.plt.close(figure)


@pytest.mark.parametrize(("error", "scale"), [(0.1, "linear"), (1e-6, "symlog")])
def test_changes_beyond_1000_percent_are_drawn_on_a_logarithmic_axis(tmp_path, drawing, error, scale):
    folders = {name_run(name): write_run(tmp_path / "runs", name_run(name), [value])
               for name, value in (("brnet", 0.2), ("bnet", error))}  # fmt: skip
    (axis,) = drawing(make_figure("relative_change", ["BRNet", "BNet"]), folders).axes
    assert axis.get_yscale() == scale
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert ("1,000,000%" in labels) is (scale == "symlog")
    assert "0%" in labels
    change = 0.2 / error - 1
    assert axis.get_ylim()[0] < 0 < change < axis.get_ylim()[1]
    assert not overlap(boxes(axis.get_yticklabels()))


def test_many_datasets_have_marks_of_their_own_and_leave_the_panel_its_height(drawing, runs):
    cfg = make_figure("relative_change", ["BRNet", "BNet"])
    (panel,) = cfg["panels"]
    titles = [f"A dataset with a long name, number {number}" for number in range(14)]
    cfg["panels"] = [
        {"label": title, "series": [series | {"dataset_title": title} for series in panel["series"]]}
        for title in titles
    ]
    figure = drawing(cfg, runs)
    (axis,), (legend,) = figure.axes, figure.legends
    marks = {(line.get_color(), line.get_marker()) for line in legend.get_lines()}
    assert [text.get_text() for text in legend.get_texts()] == titles
    assert len(marks) == len(titles)
    assert axis.get_window_extent().height / figure.dpi > 2


def test_element_error_names_points_inside_and_says_that_elements_are_few(drawing, runs, splits):
    (axis,) = drawing(make_figure("element_error", ["BRNet", "BNet"]), runs, splits=splits).axes
    assert "only 2 elements have 5 test predictions" in axis.get_xlabel()
    names = boxes(axis.texts)
    assert len(names) == 4
    assert not overlap(names)
    frame = axis.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and box.y1 <= frame.y1 for box in names)


def test_a_label_has_one_colour_in_all_figures_of_a_study():
    many, some, few = [f"model {number}" for number in range(9)], ["model 4", "model 8", "new"], ["model 0", "model 7"]
    study = [some, few, many]
    colors = {len(labels): style.pick_colors(labels, study) for labels in study}
    assert colors[9]["model 4"] == colors[3]["model 4"]
    assert colors[9]["model 8"] == colors[3]["model 8"]
    assert colors[9]["model 0"] == colors[9]["model 7"]  # seven colours for nine labels
    assert colors[2]["model 0"] == colors[9]["model 0"]
    for labels in (some, few):
        assert len(set(colors[len(labels)].values())) == len(labels)


def test_the_two_plots_of_a_calibration_stand_next_to_each_other(drawing, runs):
    cfg = make_figure("calibration", ["BRNet"])
    cfg["panels"] *= 3
    axes = drawing(cfg, runs).axes
    rows = [axis.get_subplotspec().rowspan.start for axis in axes[:6]]
    assert rows == [0, 0, 1, 1, 2, 2]


def test_no_time_of_a_training_is_below_zero(drawing, runs):
    for axis in drawing(make_figure("cost", ["BRNet", "BNet"]), runs).axes:
        assert axis.get_xlim()[0] == 0


def test_the_legend_of_applicability_covers_no_point(drawing, runs):
    figure = drawing(make_figure("applicability", ["BRNet", "BNet"]), runs)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["BRNet", "BNet"]
    assert not any(axis.get_legend() for axis in figure.axes)
    assert not overlap([legend.get_window_extent(), *(axis.get_tightbbox() for axis in figure.axes)])


def test_a_small_mark_keeps_its_colour_in_the_png(tmp_path):
    style.apply_style()
    figure, (axis,) = grid_of_axes(1, width=4, height=3)
    axis.imshow(np.arange(90_000).reshape(300, 300), cmap="viridis", aspect="auto", extent=(0, 1, 0, 1))
    axis.plot(0.5, 0.5, "o", color=style.PALETTE[1], markersize=4)
    style.save_figure(figure, tmp_path / "a.svg", tmp_path / "a.png")
    wanted = np.array([int(style.PALETTE[1][place : place + 2], 16) for place in (1, 3, 5)])
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    assert (np.abs(pixels - wanted).max(axis=1) < 12).sum() > 50
