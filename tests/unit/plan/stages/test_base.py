"""Patterns and growing memory."""

from types import SimpleNamespace

from elemflow.plan.stages.base import growing, one_of


def test_memory_grows_with_each_attempt():
    assert growing(2000)(SimpleNamespace(), 3) == 6000


def test_nothing_matches_a_pattern_of_no_names():
    assert one_of([]) == "(?!)"
