"""What claims read in tables of tests and of the choice on the test set."""

import pandas as pd
import pytest
from factories.reporting import make_cell, make_table, name_run, place, planned, write_run

from elemflow.core.files import read_json, write_json
from elemflow.plan import claims
from elemflow.plan.claims import PlannedClaims
from elemflow.reporting.claims_view import ClaimView, view_claims
from elemflow.reporting.tables.kinds.comparison import BUILDER
from elemflow.reporting.tables.kinds.early_loss import BUILDER as EARLY
from elemflow.reporting.tables.kinds.errors import BUILDER as ERRORS
from elemflow.reporting.tables.kinds.held_out_element import BUILDER as HELD_OUT
from elemflow.reporting.tables.kinds.important_inputs import BUILDER as INPUTS
from elemflow.reporting.tables.kinds.positive_values import BUILDER as POSITIVE
from elemflow.reporting.tables.kinds.rare_elements import BUILDER as RARE
from elemflow.reporting.tables.kinds.test_set_choice import BUILDER as CHOICE

SPLIT = {"scheme": "k_fold", "folds": 2, "repeats": 5, "validation": 0.1, "seed": 1}
BRNET = [0.100, 0.104, 0.101, 0.103, 0.099, 0.106, 0.102, 0.100, 0.105, 0.101]
BNET = [0.106, 0.103, 0.107, 0.103, 0.104, 0.110, 0.101, 0.105, 0.104, 0.108]  # p = 0.041, adjusted 0.082


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The plan of two tests, one of which is significant unless it is adjusted, and its csv."""
    folder = tmp_path_factory.mktemp("comparison")
    table = make_table(["BRNet", "BNet", "Twin"], [None] * 3)
    table |= {"kind": "comparison", "splits": {"brnet2023": SPLIT}}
    errors = {"brnet": BRNET, "bnet": BNET, "twin": BRNET}
    metrics = {
        name_run(model): write_run(folder / "runs", name_run(model), values) / "metrics.json"
        for model, values in errors.items()
    }
    outputs = place(folder / "tables", "table")
    BUILDER.write(planned(table), metrics, {}, outputs)
    return table, outputs["csv"]


def evaluate(files, **keys) -> ClaimView:
    table, csv = files
    claim = {"text": "So.", "kind": "significant", "tables": ["test"], "a": {"model": "brnet"}, "b": {"model": "bnet"}}
    cfg = {"study": "s", "study_title": "S", "claims": {"x": claim | keys}, "tables": {"test": table}}
    cfg |= {"dataset_titles": {"kefe": "KEFE"}, "same_materials": ()}
    return view_claims(PlannedClaims.model_validate(cfg), {"test": csv}, {}, linked=False).claims[0]


@pytest.mark.parametrize(
    ("keys", "word"),
    [({}, claims.FAILS), ({"adjusted": True}, claims.FAILS), ({"adjusted": False}, claims.HOLDS)],
)
def test_a_claim_reads_the_adjusted_p_unless_the_paper_does_not_adjust(files, keys, word):
    assert evaluate(files, **keys).reproduced.verdict.word == word


def test_the_adjusted_p_stands_next_to_the_one_that_decides(files):
    test = BUILDER.read_frame(files[1]).iloc[0]
    assert test["p_corrected"] < 0.05 < test["p_holm_corrected"]
    view = evaluate(files, adjusted=False)
    (cell,) = view.cases[0].cells
    assert cell.value == test["p_corrected"]
    assert f"{test['p_holm_corrected']:.2g}" in cell.reproduced
    assert view.rule != evaluate(files).rule
    assert evaluate(files).cases[0].cells[0].value == test["p_holm_corrected"]


@pytest.fixture
def choice(tmp_path):
    """A training whose test set would have chosen an error of 0.10 instead of 0.11, 9.1 % lower."""
    table = make_table(["BRNet", "AutoML"], ["0.096", "0.2"]) | {"kind": "test_set_choice"}
    metrics = {}
    for model, epochs in (("brnet", [(0.3, 0.20), (0.1, 0.11), (0.2, 0.10)]), ("automl", [])):
        folder = write_run(tmp_path / "runs", name_run(model), [0.11])
        validation, test = zip(*epochs, strict=True) if epochs else ((), ())
        history = {"member": [0] * len(epochs), "epoch": range(len(epochs)), "validation_mae": validation}
        pd.DataFrame(history | {"test_mae": test}).to_parquet(folder / "history.parquet")
        metrics[name_run(model)] = folder / "metrics.json"
    outputs = place(tmp_path / "tables", "table")
    CHOICE.write(planned(table), metrics, {}, outputs)
    return table, outputs["csv"]


@pytest.mark.parametrize(("percent", "word"), [(9, claims.FAILS), (10, claims.HOLDS)])
def test_a_claim_reads_what_the_choice_on_the_test_set_gains(choice, percent, word):
    found = evaluate(choice, kind="test_set_gain", a={"model": "brnet"}, b=None, percent=percent)
    assert (found.reproduced.verdict.word, found.published) == (word, None)
    assert found.cases[0].cells[0].value == pytest.approx(100 * (0.10 / 0.11 - 1))


def test_a_model_without_epochs_decides_nothing(choice):
    found = evaluate(choice, kind="test_set_gain", a={"model": "automl"}, b=None, percent=5).reproduced.verdict
    assert (found.word, found.reasons) == (claims.OPEN, (claims.NO_RESULT,))


@pytest.mark.parametrize(("percent", "word"), [(4.9, claims.FAILS), (5.1, claims.HOLDS)])
def test_a_claim_reads_the_spread_over_splits(tmp_path, percent, word):
    table = make_table(["BRNet"], ["0.096"])
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.095, 0.100, 0.105])
    outputs = place(tmp_path / "tables", "table")
    ERRORS.write(planned(table), {name_run("brnet"): folder / "metrics.json"}, {}, outputs)
    found = evaluate((table, outputs["csv"]), kind="spread_below", a={"model": "brnet"}, b=None, percent=percent)
    assert (found.reproduced.verdict.word, found.published) == (word, None)
    assert found.cases[0].cells[0].value == pytest.approx(5)
    assert found.cases[0].cells[0].reproduced == "5\u202f%"


@pytest.mark.parametrize(("percent", "word"), [(62, claims.HOLDS), (63, claims.FAILS)])
def test_a_claim_reads_the_part_of_the_error_that_positive_values_have(tmp_path, percent, word):
    table = make_table(["BRNet"], ["0.096"]) | {"kind": "positive_values"}
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.2])
    rows = {"member": 0, "role": "test", "material_id": ["Fe1O1", "Fe2O1", "Fe3O1", "Fe4O1"]}
    values = {"y_true": [-1.0, 0.0, -2.0, 1.0], "y_pred": [-1.1, 0.1, -2.1, 0.5]}
    pd.DataFrame(rows | values).to_parquet(folder / "predictions.parquet")
    outputs = place(tmp_path / "tables", "table")
    POSITIVE.write(planned(table), {name_run("brnet"): folder / "metrics.json"}, {}, outputs)
    found = evaluate((table, outputs["csv"]), kind="part_of_error", a={"model": "brnet"}, b=None, percent=percent)
    assert found.reproduced.verdict.word == word
    assert found.cases[0].cells[0].value == pytest.approx(62.5)


@pytest.mark.parametrize(("percent", "word"), [(199, claims.HOLDS), (201, claims.FAILS)])
def test_a_claim_reads_how_much_larger_errors_of_rare_elements_are(tmp_path, percent, word):
    table = make_table(["BRNet"], ["0.096"]) | {"kind": "rare_elements"}
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.2])
    info = read_json(folder / "run_info.json")
    info["members"]["0"]["rows"] = {"train": 10_000, "validation": 0, "test": 11}
    write_json(folder / "run_info.json", info)
    rows = {"member": 0, "role": "test", "material_id": ["Fe1"] * 6 + ["Mg1"] * 5, "y_true": 0.0}
    pd.DataFrame(rows | {"y_pred": [0.1] * 6 + [0.3] * 5}).to_parquet(folder / "predictions.parquet")
    outputs = place(tmp_path / "tables", "table")
    RARE.write(planned(table), {name_run("brnet"): folder / "metrics.json"}, {}, outputs)
    found = evaluate((table, outputs["csv"]), kind="rare_elements", a=None, b=None, percent=percent)
    assert found.reproduced.verdict.word == word


@pytest.mark.parametrize(
    ("kind", "percent", "word"),
    [
        ("element_learned", 51, claims.HOLDS),
        ("element_learned", 49, claims.FAILS),
        ("others_unaffected", 0, claims.HOLDS),
    ],
)
def test_a_claim_compares_errors_with_or_without_a_held_out_element(tmp_path, kind, percent, word):
    table = make_table(["BRNet", "BNet"], ["0.096"] * 2) | {"kind": "held_out_element"}
    metrics = {}
    for model, error in (("brnet", 0.2), ("bnet", 0.3)):
        folder = write_run(tmp_path / "runs", name_run(model), [0.2])
        rows = {"member": 0, "role": "test", "material_id": ["Fe1O1", "Mg1O1"], "y_true": 0.0, "y_pred": [error, 0.1]}
        pd.DataFrame(rows).to_parquet(folder / "predictions.parquet")
        metrics[name_run(model)] = folder / "metrics.json"
    outputs = place(tmp_path / "tables", "table")
    HELD_OUT.write(planned(table), metrics, {}, outputs)
    found = evaluate((table, outputs["csv"]), kind=kind, a=None, b=None, over=["model"], percent=percent)
    assert found.reproduced.verdict.word == word


@pytest.mark.parametrize(
    ("kind", "percent", "word"),
    [
        ("raising_inputs", 75, claims.HOLDS),
        ("raising_inputs", 76, claims.FAILS),
        ("leading_inputs", 50, claims.HOLDS),
        ("leading_inputs", 49, claims.FAILS),
    ],
)
def test_a_claim_reads_shares_and_ranks_of_inputs(tmp_path, kind, percent, word):
    table = make_table(["BRNet"], ["0.096"]) | {"kind": "important_inputs"}
    if kind == "leading_inputs":
        table["cells"] = [cell | {"inputs": "char"} for cell in table["cells"]]
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.2])
    inputs = {"part": "pa", "feature": ["row", "max char", "avg char", "column"], "increase": [0.3, 0.2, 0.1, -0.1]}
    pd.DataFrame({"member": 0} | inputs).to_csv(folder / "importance.csv", index=False)
    outputs = place(tmp_path / "tables", "table")
    INPUTS.write(planned(table), {name_run("brnet"): folder / "metrics.json"}, {}, outputs)
    found = evaluate((table, outputs["csv"]), kind=kind, a=None, b=None, percent=percent)
    assert (found.reproduced.verdict.word, found.published) == (word, None)


@pytest.fixture
def curves(tmp_path):
    """A function that evaluates whether BRNet trains faster than BNet in each of two rows, from their losses."""

    def decide(*rows):
        table = make_table(["BRNet", "BNet"], ["0.096"] * 2) | {"kind": "early_loss"}
        table["rows"] = [{"label": str(n)} for n in range(len(rows))]
        models = [(f"{name}{n}", column, n) for n in range(len(rows)) for column, name in enumerate(("brnet", "bnet"))]
        table["cells"] = [make_cell(model, column, None, row=row) for model, column, row in models]
        metrics = {}
        for model, column, row in models:
            folder = write_run(tmp_path / "runs", name_run(model), [0.2])
            losses = rows[row][column]
            history = {"member": [0] * len(losses), "epoch": range(1, len(losses) + 1), "train_loss": losses}
            pd.DataFrame(history).to_parquet(folder / "history.parquet")
            metrics[name_run(model)] = folder / "metrics.json"
        outputs = place(tmp_path / "tables", "table")
        EARLY.write(planned(table), metrics, {}, outputs)
        sides = {
            side: {"model": [f"{name}{n}" for n in range(len(rows))]} for side, name in (("a", "brnet"), ("b", "bnet"))
        }
        return evaluate((table, outputs["csv"]), kind="early_loss", **sides)

    return decide


@pytest.mark.parametrize(("second", "true", "word"), [(0.4, 2, claims.HOLDS), (0.6, 1, claims.FAILS)])
def test_a_claim_compares_the_training_losses_of_each_row_by_itself(curves, second, true, word):
    found = curves(([0.2], [0.3]), ([second], [0.5])).reproduced.verdict  # both are above the 0.3 of the other row
    assert (found.word, found.true, found.cases) == (word, true, 2)


def test_a_training_without_a_finite_loss_decides_nothing(curves):
    found = curves(([0.2], [float("nan")])).reproduced.verdict
    assert (found.word, found.reasons) == (claims.OPEN, (claims.NO_RESULT,))
