import io

import pandas as pd
import pytest

from elemflow.core.spreadsheet import guard_frame, guarded, unguard_frame, unguarded


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "@SUM(A1)", "+dropout", "-2+3", "\t=1", "\r=1", "+A1%"])
def test_what_a_spreadsheet_would_compute_has_an_apostrophe(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize(
    "text", ["Fe2O3", "", "-3.5 %", "+12.5\u202f%", "-1e-05", "-.5", "-", "+", "--", "−2", "'t Hooft", "a=b"]
)
def test_other_texts_stay(text):
    assert unguarded(guarded(text)) == guarded(text) == text


def test_a_frame_comes_back_as_it_was():
    frame = pd.DataFrame({"row": ["=1+1", "a", None], "mae": [-0.5, 1.0, 2.0]})
    text = guard_frame(frame).to_csv(index=False)
    assert text == "row,mae\n'=1+1,-0.5\na,1.0\n,2.0\n"
    pd.testing.assert_frame_equal(unguard_frame(pd.read_csv(io.StringIO(text))), frame)
