"""Whether a reproduced error is equivalent to a published one: two one-sided tests against a margin.

The 90 % interval of the difference decides, as in two one-sided tests at 5 %: Schuirmann, J. Pharmacokinet. Biopharm.
15, 657 (1987).
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import isfinite, sqrt

from scipy import special

REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"
LEVEL = 0.90
"""Confidence level of the interval."""
MOST_MEMBERS = 10_000
"""More members than these are none that anybody trains."""
SPREAD_OF_ONE = sqrt(1.2)
"""Standard deviation over splits and seeds in standard errors of the test set, for one member, whose own is not known.

Of its square, the mean over the recorded networks with three splits: `benchmarks/spread_of_splits.py`.
"""
SPREAD_OF_SEARCH = sqrt(6.5)
"""The same of a model that chooses among others by the validation set of each split: over the recorded searches."""


@dataclass(frozen=True)
class Sampling:
    """How far an error varies by chance.

    Attributes:
        members: Number of values behind the reproduced mean.
        spread: Their sample standard deviation; None if it is not known, as for one member.
        test_error: Standard error of the error on one test set; None if test sets are not drawn at random.
        tests: Number of different test sets behind the mean.
        spread_of_one: Spread in units of `test_error` where it is not known: `SPREAD_OF_ONE` or `SPREAD_OF_SEARCH`.
    """

    members: int
    spread: float | None = None
    test_error: float | None = None
    tests: int = 1
    spread_of_one: float = SPREAD_OF_ONE

    @property
    def standard_errors(self) -> tuple[float, float] | None:
        """Return those of the reproduced mean and of the published value, one training on one drawn test set.

        Where every member has a test set of its own, the spread contains the sampling of the test sets: the larger of
        the two counts, or `spread_of_one` where the spread is not known. Where members share a test set, the two add.
        Where no test set is drawn (folds that test every material, splits of others), the published value is such a
        mean as ours. None if nothing is known.
        """
        spread, test = self.spread or 0.0, self.test_error or 0.0
        if self.spread is None and self.test_error is None:
            return None
        if self.test_error is None:
            return spread / sqrt(self.members), spread / sqrt(self.members)
        if self.tests >= self.members:
            one = self.spread_of_one * test if self.spread is None else max(spread, test)
            return one / sqrt(self.members), one
        return sqrt(spread**2 / self.members + test**2 / self.tests), sqrt(spread**2 + test**2)

    def with_further(self, members: int) -> "Sampling":
        """Return it with further members, each with a test set of its own."""
        return replace(self, members=self.members + members, tests=self.tests + members)

    @property
    def quantile(self) -> float:
        """Return the quantile of the interval: Student's where a spread over few members decides, else the normal."""
        upper = (1 + LEVEL) / 2
        by_spread = self.spread is not None and self.spread > (self.test_error or 0.0) and self.members > 1
        return float(special.stdtrit(self.members - 1, upper) if by_spread else special.ndtri(upper))


@dataclass(frozen=True)
class Equivalence:
    """What a comparison with a published error says.

    Attributes:
        verdict: `reproduced`, the interval lies inside the margin; `not reproduced`, it lies outside; else `undecided`.
        low: Lower end of the interval of the difference, reproduced minus published; None if nothing is known of it.
        high: Its upper end.
        further: How many more members, each with a split of its own, would decide, if the difference stays as it is;
            None if it is decided, or if none of `MOST_MEMBERS` would since the published value alone varies too much.
    """

    verdict: str
    low: float | None = None
    high: float | None = None
    further: int | None = None


def compare(difference: float, margin: float, sampling: Sampling) -> Equivalence:
    """Return whether a reproduced error is equivalent to the published one.

    Args:
        difference: Reproduced minus published error.
        margin: Largest difference that counts as none, in the unit of the error.
        sampling: How far the errors vary by chance.
    """
    found = _decide(difference, margin, sampling)
    if found.verdict != UNDECIDED or found.low is None:
        return found
    return replace(found, further=_further(difference, margin, sampling))


def _decide(difference: float, margin: float, sampling: Sampling) -> Equivalence:
    errors = sampling.standard_errors
    if errors is None or not isfinite(difference):
        return Equivalence(UNDECIDED)
    half = sampling.quantile * sqrt(errors[0] ** 2 + errors[1] ** 2)
    low, high = difference - half, difference + half
    if -margin <= low and high <= margin:
        return Equivalence(REPRODUCED, low, high)
    if low > margin or high < -margin:
        return Equivalence(NOT_REPRODUCED, low, high)
    return Equivalence(UNDECIDED, low, high)


def _further(difference: float, margin: float, sampling: Sampling) -> int | None:
    """Return how many more members decide, as the comparison itself decides; None if none do.

    More members never widen the interval, so that the least number can be found by bisection.
    """

    def decided(members: int) -> bool:
        return _decide(difference, margin, sampling.with_further(members)).verdict != UNDECIDED

    if not decided(MOST_MEMBERS):
        return None
    return bisect_left(range(MOST_MEMBERS), x=True, lo=1, key=decided)
