"""Applicability: how far a material lies from the ones that a model was fitted to, told before its error is known.

The distance of a material is the mean of the distances to its nearest training rows, in the representation that the
models of a run read, scaled so that each part weighs the same. Its `percentile` is the share of training rows that lie
less far from their own neighbours. A division that keeps compositions whole gives a test row no neighbour of its own
composition; there a training row has none either, else polymorphs would make all that is new look far. An element that
no training row has makes a material unlike all of them, whatever the distance says.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from elemflow.chemistry.composition import amounts
from elemflow.core.files import write_parquet
from elemflow.core.roles import Role
from elemflow.training.data import MemberData, RoleData, RunData
from elemflow.training.scaling import fit_scaling

NEIGHBOURS = 5
FAR = 0.95
"""Percentile from which a material counts as far from the training rows."""
SAMPLE = 5_000
"""Most training rows whose own distances make the scale of the percentiles."""
BATCH = 8_192
"""Rows whose distances are computed at once, which bounds the memory."""
NOISE = 1e-6
"""Distance between equal rows that rounding may give, as a share of the length of a row; it counts as 0."""
ROLES = ("validation", "test")
SCHEMA = pa.schema(
    [
        ("material_id", pa.string()),
        ("division", pa.int32()),
        ("role", pa.string()),
        ("distance", pa.float64()),
        ("percentile", pa.float64()),
        ("unseen_elements", pa.string()),
        ("flag", pa.string()),
    ]
)


def assess_run(
    *,
    run: Mapping[str, str],
    features: Sequence[Path],
    materials: Path,
    split: Path,
    output: Path,
    members_per_division: int,
    threads: int,
) -> None:
    """Compare the validation and test rows of each division of a run with its training rows.

    Args:
        run: `dataset` and `property` of the run.
        features: Feature files, one per part of the representation, in its order.
        materials: `materials.parquet` of the dataset.
        split: Split file of the protocol.
        output: Written: a row per division, role and material, as `Reference.judge` gives them; `neighbours` and
            `members_per_division` in the metadata.
        members_per_division: How many members in a row share a division.
        threads: CPU threads to use.

    Raises:
        DataError: A division has no training rows.
    """
    data = RunData(features, materials, split, dataset=run["dataset"], property_id=run["property"])
    named = pd.read_parquet(materials, columns=["material_id", "composition"])
    known = dict(zip(named["material_id"], named["composition"], strict=True))
    tables = []
    with threadpool_limits(threads):
        for division, member in enumerate(data.members[::members_per_division]):
            parts = data.member(member, {Role.TRAIN})
            reference = Reference(parts.train, data.parts, known, whole=keeps_whole(parts, known))
            for role in ROLES:
                part: RoleData = getattr(parts, role)
                found = reference.judge(part.x, [known[material] for material in part.material_id])
                found |= {"division": np.full(len(part), division), "role": np.full(len(part), role, dtype=object)}
                found |= {"material_id": part.material_id}
                tables.append(pa.table([found[name] for name in SCHEMA.names], schema=SCHEMA))
    about = {"neighbours": NEIGHBOURS, "members_per_division": members_per_division}
    write_parquet(output, pa.concat_tables(tables), about)


def keeps_whole(parts: MemberData, compositions: Mapping[str, str]) -> bool:
    """Tell whether no composition of the training rows is in another part, as one is where rows are divided.

    The parts tell, not the scheme of the split, since a division from outside can be of either kind.

    Args:
        parts: Parts of a member.
        compositions: Composition of each material.
    """
    judged = {compositions[material] for role in ROLES for material in getattr(parts, role).material_id}
    return judged.isdisjoint(compositions[material] for material in parts.train.material_id)


class Own(NamedTuple):
    """Which fitted rows are no neighbours of a row: those with its number.

    Attributes:
        fitted: Number of each fitted row (fitted rows,).
        asked: Number of each row whose neighbours are asked for (rows,).
        most: Most fitted rows with one number.
    """

    fitted: np.ndarray
    asked: np.ndarray
    most: int


class Reference:
    """The training rows that other materials are compared with.

    Args:
        train: Training rows, unscaled.
        widths: Part and number of its columns, in the order of the representation.
        compositions: Composition of each material.
        whole: Whether the other materials have no composition of a training row, see `keeps_whole`.
    """

    def __init__(
        self, train: RoleData, widths: Sequence[tuple[str, int]], compositions: Mapping[str, str], *, whole: bool
    ):
        self._scaling = fit_scaling(train.x, widths, {name: "unit_rows" for name, _ in widths})
        x = self._scaling.apply(train.x)
        self._nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(train)), algorithm="brute").fit(x)
        sample = np.linspace(0, len(train) - 1, min(SAMPLE, len(train))).astype(int)
        own = [compositions[material] for material in train.material_id]
        names, numbers, counts = np.unique(own, return_inverse=True, return_counts=True)
        left_out = Own(numbers, numbers[sample], int(counts.max())) if whole else Own(np.arange(len(train)), sample, 1)
        self._usual = np.sort(_distances(self._nearest, x[sample], left_out))
        self._seen = {element for composition in names.tolist() for element in amounts(composition)}

    def judge(self, x: np.ndarray, compositions: Iterable[str]) -> dict[str, np.ndarray]:
        """Tell how far some materials lie from the training rows.

        Args:
            x: Unscaled features (rows, columns).
            compositions: Composition of each row.

        Returns:
            Arrays (rows,): `distance`, the mean distance to the `NEIGHBOURS` nearest training rows where every part has
            a length near 1; `percentile`, between 0 and 1; `unseen_elements`, symbols joined by blanks; `flag`:
            `unseen` if there are any, `far` if the percentile is above `FAR`, else `inside`.
        """
        distance = _distances(self._nearest, self._scaling.apply(x))
        percentile = np.searchsorted(self._usual, distance, side="left") / len(self._usual)
        unseen = [" ".join(sorted(amounts(composition).keys() - self._seen)) for composition in compositions]
        flags = np.where(percentile > FAR, "far", "inside").astype(object)
        flags[[bool(elements) for elements in unseen]] = "unseen"
        return {
            "distance": distance,
            "percentile": percentile,
            "unseen_elements": np.array(unseen, dtype=object),
            "flag": flags,
        }


def _distances(nearest: NearestNeighbors, x: np.ndarray, own: Own | None = None) -> np.ndarray:
    """Return the mean distance to the nearest fitted rows (rows,); 0 where there is none.

    Args:
        nearest: The fitted rows.
        x: Scaled rows (rows, columns).
        own: Which fitted rows are none of their neighbours.
    """
    count = min(nearest.n_neighbors + (own.most if own else 0), nearest.n_samples_fit_)
    # Many entries of a composition make many neighbours to leave out; fewer rows at once then need no more memory.
    rows = max(1, BATCH * nearest.n_neighbors // count)
    found = [np.empty(0)]
    for first in range(0, len(x), rows):
        batch = slice(first, first + rows)
        distance, row = nearest.kneighbors(x[batch], count)
        length = np.linalg.norm(x[batch], axis=1, keepdims=True)
        distance = np.where(distance <= NOISE * length, 0.0, distance)
        if own:
            distance[own.fitted[row] == own.asked[batch, None]] = np.inf
        distance = np.sort(distance, axis=1)[:, : nearest.n_neighbors]
        others = np.isfinite(distance)
        found.append(np.where(others, distance, 0).sum(axis=1) / np.maximum(others.sum(axis=1), 1))
    return np.concatenate(found)


def read_applicability(path: Path) -> pd.DataFrame:
    """Return the test rows of a run's `applicability.parquet`."""
    return pd.read_parquet(path, filters=[("role", "==", "test")])


def name_groups(rows: pd.DataFrame, edges: Sequence[float]) -> pd.Series:
    """Return the group of each row by percentile, `unseen elements` for flagged ones.

    Args:
        rows: Rows with `percentile` and `flag`.
        edges: Increasing upper ends of the groups, the last one 1.

    Returns:
        Ordered categories (rows,).
    """
    ends = (0.0, *edges)
    names = [f"{low:.0%}–{high:.0%}".replace("%–", "–") for low, high in zip(ends, edges, strict=False)]
    places = np.searchsorted(edges, rows["percentile"], side="left")
    found = np.array(names, dtype=object)[places]
    found[(rows["flag"] == "unseen").to_numpy()] = "unseen elements"
    return pd.Series(pd.Categorical(found, [*names, "unseen elements"], ordered=True), index=rows.index)
