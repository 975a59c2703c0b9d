"""How far long work is and how long the rest will take, as texts for people who wait."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

MINUTE, HOUR = 60, 3600


def duration_text(seconds: float) -> str:
    """Return a time with the digits that a reader can use, such as `40 s`, `3 min` or `2 h 05 min`."""
    if seconds < 1.5 * MINUTE:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes} min" if seconds < 1.5 * HOUR else f"{minutes // 60} h {minutes % 60:02d} min"


def rows_text(done: int, total: int | None, elapsed: float) -> str:
    """Return how many rows are done, how many per second, and how long the others take at this pace.

    Args:
        done: Rows so far.
        total: All rows, perhaps not exactly; None if their number is not known.
        elapsed: Seconds so far, above 0.
    """
    rate = done / elapsed
    of = "" if total is None else f" of {max(total, done):,}"
    left = f", about {duration_text((total - done) / rate)} left" if total is not None and total > done and rate else ""
    return f"{done:,}{of} rows, {rate:,.0f} rows/s{left}"


class Step(NamedTuple):
    """A piece of long work.

    Attributes:
        stage: What is done, for the reader; several steps may share one.
        detail: More of it, where every step is shown.
        kind: Steps of one kind take equally long per weight.
        weight: How much longer than the others of its kind it takes.
    """

    stage: str
    detail: str
    kind: str
    weight: float = 1.0


def seconds_left(steps: Sequence[Step], took: Sequence[float]) -> float | None:
    """Return how long the steps take that are not done; None while one of their kinds is still unknown.

    Args:
        steps: All steps, in their order.
        took: Seconds of those that are done; the last of a kind says how long the others of it take.
    """
    pace: Mapping[str, float] = {step.kind: seconds / step.weight for step, seconds in zip(steps, took, strict=False)}
    left = steps[len(took) :]
    if any(step.kind not in pace for step in left):
        return None
    return sum(step.weight * pace[step.kind] for step in left)
