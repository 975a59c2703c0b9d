"""What warnings and reports say of rows that a step loses."""

from collections.abc import Mapping

LARGE_LOSS = 0.01
"""Share of the rows from which on what is lost is warned about."""
SHOWN_REASONS = 3


def most_common(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the most frequent reasons with their counts; of equal ones, the first in the alphabet."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_REASONS])


def in_words(reasons: Mapping[str, int]) -> str:
    """Return reasons with their counts as messages show them."""
    return "; ".join(f"{reason} ({count:,})" for reason, count in reasons.items())
