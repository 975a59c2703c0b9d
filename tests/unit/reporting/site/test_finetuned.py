"""The page of a fine-tuning: what it compares, and that it stands alone."""

import re
from dataclasses import replace

import numpy as np
import pytest

from elemflow.reporting.site.finetuned import Finetuned, FoldErrors, Level, Row, finetuned_page, show

VALUES = np.array([1.0, 2.0, 4.0, 8.0])
SHOWN = Finetuned(
    title="T<c>", unit="K", table="my.csv", predictor="tc.elemflow", sha256="ab" * 32, start="Started.", bound="No bound.", notes=["Check."],
    methods=[FoldErrors("base, fine-tuned", 2.0, (1.0, 3.0), 2.0, own=True), FoldErrors("extra trees", 4.0, (5.0, 3.0), 4.0)],
    values=VALUES, predicted=VALUES + 0.5, log=False, levels=[Level(90, 88.0, 3.5)], seen=[("new", 4, 0.5)],
    worst=[Row("Fe2O3", 1.0, 1.5, seen="seen")], repeated=0, left_out=[("3", "Xx", "no element")], n_left_out=1,
    formulas="formulas: compound", summary="1 of 5 rows left out: 1 with a formula that cannot be read.",
)  # fmt: skip


def test_other_methods_are_compared_on_the_same_folds():
    assert SHOWN.comparison() == ["50 % below extra trees (4.00), lower in 1 of 2 folds"]
    worse = replace(SHOWN, methods=SHOWN.methods[::-1])
    assert worse.comparison() == ["100 % above base, fine-tuned (2.00), lower in 0 of 2 folds"]


def test_the_page_stands_alone_and_escapes_what_a_table_says():
    page = finetuned_page(SHOWN)
    assert "T&lt;c&gt; (K)" in page
    assert "T<c>" not in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "1 of 5 rows left out" in page
    assert "column of the formulas: compound" in " ".join(page.split())
    for text in ("Fe2O3", "no element", "Check.", "88 %", "ab" * 32):
        assert text in page


def test_a_learned_logarithm_has_logarithmic_axes():
    linear, log = (replace(SHOWN, log=log).charts()[0] for log in (False, True))
    gaps = np.diff([tick.at for tick in log.x_ticks if tick.label in {"1", "2", "5"}])
    assert gaps[0] == pytest.approx(gaps[1] * np.log(2) / np.log(2.5), abs=0.2)
    assert " decades." in log.note
    assert linear.note.startswith("R² 0.97, root mean square error 0.500 K.")


def test_few_rows_have_no_chart_of_coverage():
    few = replace(SHOWN, levels=[])
    assert len(few.charts()) == 1
    assert "too few rows" in finetuned_page(few)


@pytest.mark.parametrize(("value", "text"), [(0.48954, "0.490"), (-3.084, "−3.08"), (1234.5, "1234"), (np.nan, "—")])
def test_numbers_have_three_digits(value, text):
    assert show(value) == text
