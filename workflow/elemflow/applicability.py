"""Applicability: how far a material lies from the ones that a model was fitted to, told before its error is known.

The distance of a material is the mean of the distances to its nearest training rows, in the representation that the
models of a run read, scaled so that each part weighs the same. Its `percentile` is the share of training rows that lie
further from their own neighbours. An element that no training row has makes a material unlike all of them, whatever
the distance says.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from elemflow.composition import amounts
from elemflow.files import write_parquet
from elemflow.training.data import Part, RunData
from elemflow.training.scaling import fit_scaling

NEIGHBOURS = 5
FAR = 0.95
"""Percentile from which a material counts as far from the training rows."""
SAMPLE = 5_000
"""Most training rows whose own distances make the scale of the percentiles."""
BATCH = 8_192
"""Rows whose distances are computed at once, which bounds the memory."""
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
            parts = data.member(member, {"train"})
            reference = Reference(parts.train, data.parts, (known[material] for material in parts.train.material_id))
            for role in ROLES:
                part: Part = getattr(parts, role)
                found = reference.judge(part.x, [known[material] for material in part.material_id])
                found |= {"division": np.full(len(part), division), "role": np.full(len(part), role, dtype=object)}
                found |= {"material_id": part.material_id}
                tables.append(pa.table([found[name] for name in SCHEMA.names], schema=SCHEMA))
    about = {"neighbours": NEIGHBOURS, "members_per_division": members_per_division}
    write_parquet(output, pa.concat_tables(tables), about)


class Reference:
    """The training rows that other materials are compared with.

    Args:
        train: Training rows, unscaled.
        widths: Part and number of its columns, in the order of the representation.
        compositions: Composition of each training row.
    """

    def __init__(self, train: Part, widths: Sequence[tuple[str, int]], compositions: Iterable[str]):
        self._scaling = fit_scaling(train.x, widths, {name: "unit_rows" for name, _ in widths})
        x = self._scaling.apply(train.x)
        self._nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(train)), algorithm="brute").fit(x)
        sample = np.linspace(0, len(train) - 1, min(SAMPLE, len(train))).astype(int)
        self._usual = np.sort(_distances(self._nearest, x[sample], leave_out=sample))
        self._seen = {element for composition in compositions for element in amounts(composition)}

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


def _distances(nearest: NearestNeighbors, x: np.ndarray, leave_out: np.ndarray | None = None) -> np.ndarray:
    """Return the mean distance to the nearest fitted rows, `leave_out` naming the one that each row is itself."""
    found = [np.empty(0)]
    for first in range(0, len(x), BATCH):
        batch = x[first : first + BATCH]
        if leave_out is None:
            found.append(nearest.kneighbors(batch)[0].mean(axis=1))
            continue
        count = min(nearest.n_neighbors + 1, nearest.n_samples_fit_)
        distance, row = nearest.kneighbors(batch, count)
        own = row == leave_out[first : first + BATCH, None]
        own[~own.any(axis=1), -1] = True  # equal rows may hide the row itself behind others at distance 0
        found.append(distance[~own].reshape(len(batch), count - 1).mean(axis=1) if count > 1 else distance[:, 0])
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
