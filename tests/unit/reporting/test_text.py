import pytest

from elemflow.reporting import text as words
from elemflow.reporting.text import escape_tex


def test_an_empty_line_does_not_end_a_caption():
    assert escape_tex("one\n\n  two \r\n three\n") == "one two three "
    assert escape_tex("3.5\u202f% of $x$ & a_b") == r"3.5\,\% of \$x\$ \& a\_b"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3.4e-30, "3.40 × 10⁻³⁰"), (-1.42e30, "−1.42 × 10³⁰"), (2e-5, "2.00 × 10⁻⁵"), (1e6, "1.00 × 10⁶"),
     (999_999, "999999"), (1e-4, "0.000100"), (0.5, "0.500"), (0, "0")],
)  # fmt: skip
def test_numbers_far_from_one_have_a_power_of_ten(value, shown):
    assert words.format_number(value, words.count_decimals(value)) == shown


def test_a_small_number_among_few_decimals_is_rounded():
    assert words.format_number(2e-5, 1) == "0.0"
    assert words.format_percent(0.001) == "0.0\u202f%"
    assert words.format_percent(2.5e7) == "+2.50 × 10⁷\u202f%"
    assert words.escape_tex("10⁻³⁴").isascii()
