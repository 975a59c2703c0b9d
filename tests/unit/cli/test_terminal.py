"""Lines of a terminal."""

import os

import pytest

from elemflow.cli import terminal


@pytest.mark.parametrize("columns", [20, 60, 80])
def test_long_lines_are_broken_for_a_terminal_alone(monkeypatch, columns):
    text = f"short\nok  packages   {'a word and another ' * 12}end\nok  digest     {'f' * 90}"
    assert terminal.folded(text, 15) == text
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr(terminal.shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))
    first, *lines, digest = terminal.folded(text, 15).split("\n")
    assert (first, digest) == ("short", f"ok  digest     {'f' * 90}")  # not broken, and next to its name
    assert len(lines) > 1
    assert all(len(line) <= max(columns, 15 + terminal.NARROWEST) for line in lines)
    assert all(line.startswith(" " * 15) for line in lines[1:])
    assert " ".join(" ".join(lines).split()) == " ".join(text.split("\n")[1].split())


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (3.2e-9, 6, "3.200e-09"),
        (-1e-7, 6, "-1.000e-07"),
        (0.0, 6, "0.000000"),
        (2e-5, 6, "0.000020"),
        (1e-9, 3, "0.000"),
        (9_999_999.0, 0, "9999999"),
        (6.6931e20, 0, "6.693e+20"),
        (-1e150, 0, "-1.000e+150"),
    ],
)
def test_small_and_large_numbers_have_a_power_of_ten(value, decimals, text):
    assert terminal.number(value, decimals) == text
    assert terminal.decimals_of(3.2e-9) == 6
    assert terminal.aligned(["x"], [[text], ["12.5"]]).splitlines()[2] == "12.5".rjust(len(text))
