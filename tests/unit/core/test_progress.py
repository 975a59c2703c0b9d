import pytest

from elemflow.core.progress import Step, duration_text, rows_text, seconds_left


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 s"),
        (40.4, "40 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3000, "50 min"),
        (5400, "1 h 30 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_times_have_the_digits_that_are_of_use(seconds, text):
    assert duration_text(seconds) == text


def test_rows_have_pace_and_time_left():
    assert rows_text(1_000, 10_000, 2) == "1,000 of 10,000 rows, 500 rows/s, about 18 s left"
    assert rows_text(1_000, None, 2) == "1,000 rows, 500 rows/s"
    assert rows_text(1_100, 1_000, 1) == "1,100 of 1,100 rows, 1,100 rows/s"
    assert rows_text(0, 10, 3) == "0 of 10 rows, 0 rows/s"


def test_time_left_follows_the_last_step_of_each_kind():
    steps = [Step("a", "", "slow"), Step("a", "", "fast"), Step("b", "", "slow", 2), Step("b", "", "fast")]
    assert seconds_left(steps, []) is None
    assert seconds_left(steps, [10]) is None
    assert seconds_left(steps, [10, 1]) == 21
    assert seconds_left(steps, [10, 1, 30]) == 1
    assert seconds_left(steps, [10, 1, 30, 1]) == 0
