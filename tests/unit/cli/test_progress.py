"""Lines of progress: which are written, in a terminal and elsewhere, by a clock of the test."""

import io
from types import SimpleNamespace

import pytest

from elemflow.cli.progress import CLEAR, rows, stages
from elemflow.core.progress import Step

STEPS = [Step("fold 1", "trees", "trees"), Step("fold 1", "net", "net"), Step("fold 2", "trees", "trees")]


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """Seconds that the test counts."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="written", params=[io.StringIO, Terminal], ids=["file", "terminal"])
def _written(request, monkeypatch):
    stream = request.param()
    monkeypatch.setattr("elemflow.cli.progress.sys", SimpleNamespace(stderr=stream))  # pytest replaces sys.stderr
    return stream


def test_every_stage_has_a_line_and_a_terminal_every_step(written, clock):
    with stages("60 rows", STEPS, clock) as done:
        for seconds in (4, 2, 5):
            clock.now += seconds
            done()
    if written.isatty():
        shown = ["fold 1 (trees)", "fold 1 (net)", "fold 2 (trees), about 4 s left"]
        assert written.getvalue() == "".join(f"{CLEAR}60 rows: {text}" for text in shown) + CLEAR
    else:
        assert written.getvalue() == "60 rows: fold 1\n60 rows: fold 2, about 4 s left\n"


def test_rows_that_are_soon_done_have_no_line(written, clock):
    with rows(10, clock=clock) as add:
        clock.now = 1.9
        add(10)
    assert not written.getvalue()


def test_rows_have_lines_now_and_then(written, clock):
    with rows(40_000, clock=clock) as add:
        for _ in range(4):
            clock.now += 10
            add(10_000)
    lines = written.getvalue().replace(CLEAR, "\n").split("\n")
    found = [line for line in lines if line]
    assert found[0] == "10,000 of 40,000 rows, 1,000 rows/s, about 30 s left"
    assert len(found) == (4 if written.isatty() else 2)


def test_nothing_is_shown_if_it_is_not_wanted(written, clock):
    with rows(None, shown=False, clock=clock) as add:
        clock.now = 100
        add(1)
    assert not written.getvalue()


def test_an_error_leaves_no_line_in_the_terminal(written, clock):
    with pytest.raises(ValueError, match="bad"), stages("work", STEPS, clock):
        raise ValueError("bad")
    assert written.getvalue().endswith(CLEAR if written.isatty() else "\n")
