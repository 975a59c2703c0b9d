"""Difference of two runs on the test materials that they share, with the interval that decides claims about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from elemflow.chemistry.material_id import composition_of
from elemflow.evaluation.equivalence import LEVEL
from elemflow.evaluation.hypothesis_tests import MIN_DIFFERENCES, corrected_resampled_interval
from elemflow.evaluation.metrics import clustered_standard_error
from elemflow.reporting.results import read_test_points, read_test_to_train

MOST_SHARED = 0.9
"""Fraction of the larger test set that two runs must share to be compared material by material."""
MATERIALS, SPLITS = "materials", "splits"


@dataclass(frozen=True)
class PairedInterval:
    """The 90 % interval of the error of a run minus a multiple of that of another.

    Attributes:
        low: Lower end, in the unit of the errors.
        high: Upper end.
        over: What it is over, `MATERIALS` or `SPLITS`.
    """

    low: float
    high: float
    over: str

    @property
    def width(self) -> float:
        """Return the distance of its ends."""
        return self.high - self.low


@dataclass
class PairedErrors:
    """Absolute errors of runs by test material, read once.

    Attributes:
        folders: Folder of each run, by its path; runs without one cannot be compared.
    """

    folders: Mapping[str, Path]
    _read: dict[str, pd.DataFrame] = field(default_factory=dict)

    def interval(self, run: str, other: str, factor: float) -> PairedInterval | None:
        """Return the 90 % interval of the error of a run minus `factor` times that of another.

        That over materials contains the sampling error of the test set, clustered by composition and the
        errors of a material averaged over the members that test it. That over splits contains what another split and
        another seed change, by the corrected resampled t-test. The wider of the two counts; there is none over splits
        unless both runs have two or more, and the same ones. Of runs with different numbers of splits, as where one has
        fewer members in the record, those splits count that both have.

        Args:
            run: Path of the run.
            other: Path of the other run.
            factor: What the error of the other one is multiplied by.

        Returns:
            None where the two do not test the same materials.

        Raises:
            DataError: The `run_info.json` of a run with several splits is missing.
        """
        if run not in self.folders or other not in self.folders:
            return None
        first, second = _of_shared_splits(self._points(run), self._points(other))
        over_materials = _over_materials(_by_material(first), _by_material(second), factor)
        if over_materials is None:
            return None
        differences = _by_split(first, second, factor)
        if len(differences) < MIN_DIFFERENCES:
            return over_materials
        ratio = max(read_test_to_train(self.folders[each]) for each in (run, other))
        over_splits = PairedInterval(*corrected_resampled_interval(differences, ratio, LEVEL), SPLITS)
        return max(over_materials, over_splits, key=lambda interval: interval.width)

    def _points(self, run: str) -> pd.DataFrame:
        """Return `material_id`, `member` and absolute `error` of the test rows of a run."""
        if run not in self._read:
            points = read_test_points(self.folders[run])
            error = (points["y_pred"] - points["y_true"]).abs()
            self._read[run] = points[["material_id", "member"]].assign(error=error)
        return self._read[run]


def _of_shared_splits(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of two runs in the splits that both have, if one has more of them; else all rows."""
    splits = [*_members_by_split(first).items()], [*_members_by_split(second).items()]
    pairs = list(zip(*splits, strict=False))
    if len(splits[0]) == len(splits[1]) or not all(_share_most(pd.Index(a), pd.Index(b)) for (a, _), (b, _) in pairs):
        return first, second
    ours, theirs = ([member for _, members in split[: len(pairs)] for member in members] for split in splits)
    return first[first["member"].isin(ours)], second[second["member"].isin(theirs)]


def _by_material(points: pd.DataFrame) -> pd.Series:
    """Return the mean absolute error of each test material, sorted by material."""
    return points["error"].groupby(points["material_id"]).mean()


def _share_most(first: pd.Index, second: pd.Index) -> bool:
    return len(first.intersection(second)) >= MOST_SHARED * max(len(first), len(second))


def _over_materials(first: pd.Series, second: pd.Series, factor: float) -> PairedInterval | None:
    if not _share_most(first.index, second.index):
        return None
    shared = first.index.intersection(second.index)
    difference = (first[shared] - factor * second[shared]).to_numpy()
    error = clustered_standard_error(difference, shared.map(composition_of).to_numpy())
    if error is None:
        return None
    mean, half = float(np.mean(difference)), float(special.ndtri((1 + LEVEL) / 2)) * error
    return PairedInterval(mean - half, mean + half, MATERIALS)


def _by_split(first: pd.DataFrame, second: pd.DataFrame, factor: float) -> list[float]:
    """Return the difference of the errors in each split, of materials that both test there; none if splits differ."""
    splits = _splits_of(first), _splits_of(second)
    pairs = list(zip(*splits, strict=False))
    if len(splits[0]) != len(splits[1]) or not all(_share_most(ours.index, theirs.index) for ours, theirs in pairs):
        return []
    shared = [(ours, theirs, ours.index.intersection(theirs.index)) for ours, theirs in pairs]
    return [float(ours[both].mean() - factor * theirs[both].mean()) for ours, theirs, both in shared]


def _splits_of(points: pd.DataFrame) -> list[pd.Series]:
    """Return the mean absolute error of each test material by split."""
    return [_by_material(points[points["member"].isin(members)]) for members in _members_by_split(points).values()]


def _members_by_split(points: pd.DataFrame) -> dict[tuple[str, ...], list[int]]:
    """Return the members of each split by its test materials, in their order; those with one test set share a split."""
    members: dict[tuple[str, ...], list[int]] = {}
    for member in sorted(points["member"].unique().tolist()):
        tested = points.loc[points["member"] == member, "material_id"]
        members.setdefault(tuple(sorted(tested)), []).append(member)
    return members
