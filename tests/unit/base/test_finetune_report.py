"""The report of a fine-tuning: errors of bounded predictions, in decades where logarithms were learned."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from factories.base_toy import compositions

from elemflow.base.finetune_card import Made
from elemflow.base.finetune_report import (
    Fitted,
    coverage,
    error_header,
    error_lines,
    few_text,
    fold_errors,
    predicted_by,
    report_text,
    seen_lines,
)
from elemflow.base.finetuning import Comparison, Rows
from elemflow.base.origin import Origin
from elemflow.base.table import read_measured
from elemflow.cli.finetune_page import page_of
from elemflow.reporting.site.finetuned import finetuned_page, show

N = 40


def fitted_of(tmp_path, values, predicted, transform="none", minimum=None):
    """What was fine-tuned on some values (rows,), with given predictions in the unit by method (rows,)."""
    pd.DataFrame({"formula": compositions(N), "y (K)": values}).to_csv(tmp_path / "t.csv", index=False)
    measured = read_measured(tmp_path / "t.csv", "y", transform=transform, minimum=minimum)
    order = [compositions(N).index(name) for name in measured.formulas]
    learned = {
        name: (np.log10(each[order]) if transform == "log10" else each[order]) for name, each in predicted.items()
    }
    compared = Comparison(np.arange(N) % 5, learned, np.ones(N), np.arange(N) % 2 == 0, {"gap": 20})
    rows = Rows(measured.compositions, np.zeros((N, 1)), measured.y)
    return Fitted(measured, rows, [], compared, transform, ("Gap", "eV"), 0.5, "toy", [], "y.elemflow", minimum)


def test_errors_are_those_of_predictions_that_end_at_the_minimum(tmp_path):
    values = np.linspace(0.5, 3, N)
    predicted = {"base": np.where(np.arange(N) < 10, -2.0, values), "constant": np.full(N, 1.7)}
    free, bounded = (fitted_of(tmp_path, values, predicted, minimum=minimum) for minimum in (None, 0.0))
    assert predicted_by(free, "base").min() == -2
    assert predicted_by(bounded, "base").min() == 0
    assert fold_errors(bounded, "base").sum() == pytest.approx(values[:10].sum())
    assert fold_errors(free, "base").sum() == pytest.approx(values[:10].sum() + 20)
    assert coverage(bounded, 80)[1] < coverage(free, 80)[1]
    assert coverage(bounded, 80)[0] == coverage(free, 80)[0]


@pytest.mark.parametrize(
    ("values", "minimum", "sentence"),
    [
        (np.linspace(0.5, 3, N), None, "cannot be, fine-tune with `--minimum 0`"),
        (np.linspace(-1, 3, N), None, "have no lower bound."),
        (np.linspace(0.5, 3, N), 0.5, "end at 0.5 K, as `--minimum` says"),
    ],
)
def test_the_bound_of_predictions_is_named(tmp_path, values, minimum, sentence):
    fitted = fitted_of(tmp_path, values, {"base": values + 0.1}, minimum=minimum)
    assert sentence in report_text(fitted)
    assert sentence.replace("`", "") in finetuned_page(
        page_of(fitted, Made(tmp_path / "t.csv", Origin("toy", "cd" * 32, {}), {}), "ab")
    )


def test_learned_logarithms_are_ranked_by_decades(tmp_path):
    values = np.logspace(-1, 3, N)
    predicted = {"base": np.where(values > 900, 3 * values, 1.1 * values), "constant": np.full(N, 10.0)}
    predicted["constant"][values > 900] = values[values > 900]
    fitted = fitted_of(tmp_path, values, predicted, "log10")
    linear = {name: fold_errors(fitted, name).mean() for name in predicted}
    lines = error_lines(fitted)
    assert error_header(fitted)[1::2] == ["mean absolute error [decades]", "mean absolute error [K]"]
    assert [line[0] for line in lines] == ["base, fine-tuned", "median"]
    assert float(lines[0][1]) == pytest.approx(np.mean(np.abs(np.log10(predicted["base"] / values))), rel=1e-3)
    assert [float(line[3]) for line in lines] == pytest.approx([linear["base"], linear["constant"]], rel=1e-3)
    assert max(float(line[2]) for line in seen_lines(fitted)) < 0.1
    page = page_of(fitted, Made(tmp_path / "t.csv", Origin("toy", "cd" * 32, {}), {}), "ab")
    assert page.methods[0].error < page.methods[1].error
    assert "below median" in page.comparison()[0]
    html = " ".join(finetuned_page(page).split())
    assert "decades</b> mean absolute error (" in html
    assert f"In K: base, fine-tuned {show(linear['base'])}; median {show(linear['constant'])}." in html


def test_elements_of_few_compositions_are_named(tmp_path):
    values = np.linspace(0, 1, N)
    fitted = fitted_of(tmp_path, values, {"base": values})
    assert not few_text(fitted)
    rare = ["ScO", "ScNaO", *fitted.rows.compositions[2:]]
    measured = replace(fitted.measured, compositions=rare)
    fitted = fitted._replace(measured=measured, rows=fitted.rows._replace(compositions=rare))
    assert few_text(fitted).startswith("Elements in fewer than 5 compositions of the table: Sc (2).")
    assert "Sc (2). The predictor does not flag" in report_text(fitted)


def test_methods_are_in_the_order_of_their_errors(tmp_path):
    values = np.linspace(0, 1, N)
    fitted = fitted_of(tmp_path, values, {"base": values + 0.5, "constant": values + 0.1})
    assert [line[0] for line in error_lines(fitted)] == ["median", "base, fine-tuned"]
