"""Applicability domain: how far a material is from the training set, before its error is known.

The distance of a material is the mean distance to its nearest training rows, in the representation that the models of
a run read, scaled so that each part has the same weight. Its `percentile` is the fraction of training rows that are
nearer to their own neighbours. In a split grouped by composition a test row has no neighbour of its own composition;
there a training row has none either, else polymorphs would make every new composition look far. An element that no
training row has puts a material outside the domain, whatever its distance.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from elemflow.chemistry.composition import amounts
from elemflow.chemistry.formula_arrays import rows_with_others
from elemflow.core.files import write_parquet
from elemflow.core.parquet import read_frame
from elemflow.core.roles import EVALUATION_ROLES, Role
from elemflow.features.scaling import Scaling, fit_scaling
from elemflow.training.data import MemberData, RoleData, RunData

N_NEIGHBOURS = 5
FAR_PERCENTILE = 0.95
"""Percentile above which a material counts as far from the training set."""
SAMPLE_ROWS = 5_000
"""Most training rows whose own distances define the percentiles."""
BATCH_ROWS = 8_192
"""Rows whose distances are computed at once, which bounds the memory."""
ROUNDING = 1e-6
"""Distance between equal rows that rounding may give, as a fraction of the length of a row; it counts as 0."""
SCHEMA = pa.schema(
    [
        ("material_id", pa.string()),
        ("split", pa.int32()),
        ("role", pa.string()),
        ("distance", pa.float64()),
        ("percentile", pa.float64()),
        ("unseen_elements", pa.string()),
        ("flag", pa.string()),
    ]
)


class Assessment(NamedTuple):
    """Where some materials lie relative to a training set.

    Attributes:
        distance: Mean distance to the `N_NEIGHBOURS` nearest training rows, where every part has a length near 1
            (rows,).
        percentile: Fraction of training rows that are nearer to their own neighbours, 0 to 1 (rows,).
        unseen_elements: Symbols of elements that no training row has, joined by blanks (rows,).
        flag: `unseen` if there are any, `far` if the percentile is above `FAR_PERCENTILE`, else `inside` (rows,).
    """

    distance: np.ndarray
    percentile: np.ndarray
    unseen_elements: np.ndarray
    flag: np.ndarray


@dataclass(frozen=True)
class AssessmentInputs:
    """Files of a run, and what its split is.

    Attributes:
        dataset: Id of the dataset.
        property: Id of the property.
        features: Feature files, one per part of the representation, in its order.
        materials: `materials.parquet` of the dataset.
        split: Split file of the protocol.
        members_per_split: How many successive members share a train/validation/test split.
    """

    dataset: str
    property: str
    features: Sequence[Path]
    materials: Path
    split: Path
    members_per_split: int


def assess_run(inputs: AssessmentInputs, output: Path, threads: int) -> None:
    """Write where the validation and test rows of each split of a run lie relative to its training set.

    Args:
        inputs: The run.
        output: Written: a row per split, role and material, as `Assessment`; `neighbours` and `members_per_split` in
            the metadata.
        threads: CPU threads to use.

    Raises:
        DataError: A split has no training rows.
    """
    data = RunData(inputs.features, inputs.materials, inputs.split, dataset=inputs.dataset, property_id=inputs.property)
    compositions = read_compositions(inputs.materials)
    tables = []
    with threadpool_limits(threads):
        for split, member in enumerate(data.members[:: inputs.members_per_split]):
            member_data = data.member(member, {Role.TRAIN})
            grouped = is_grouped_split(member_data, compositions)
            domain = ApplicabilityDomain.fit(member_data.train, data.parts, compositions, grouped=grouped)
            for role in EVALUATION_ROLES:
                rows = member_data.of(role)
                columns = domain.assess(rows.x, [compositions[material] for material in rows.material_id])._asdict()
                columns |= {"split": np.full(len(rows), split), "role": np.full(len(rows), role.value, dtype=object)}
                columns |= {"material_id": rows.material_id}
                tables.append(pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA))
    about = {"neighbours": N_NEIGHBOURS, "members_per_split": inputs.members_per_split}
    write_parquet(output, pa.concat_tables(tables), about)


def read_compositions(materials: Path) -> dict[str, str]:
    """Return the composition of each material of a dataset, by id."""
    table = read_frame(materials, ["material_id", "composition"])
    return dict(zip(table["material_id"], table["composition"], strict=True))


def is_grouped_split(data: MemberData, compositions: Mapping[str, str]) -> bool:
    """Return whether no composition of the training set is in the validation or test set.

    It follows from the rows, not from the scheme of the split, since a predefined split can be of either kind.

    Args:
        data: Rows of a member.
        compositions: Composition of each material.
    """
    evaluated = {compositions[material] for role in EVALUATION_ROLES for material in data.of(role).material_id}
    return evaluated.isdisjoint(compositions[material] for material in data.train.material_id)


class Groups(NamedTuple):
    """Training rows that are no neighbours of a row: those of its own group.

    Attributes:
        of_training: Group of each training row (training rows,).
        of_rows: Group of each row whose neighbours are searched (rows,).
        largest: Number of training rows in the largest group.
    """

    of_training: np.ndarray
    of_rows: np.ndarray
    largest: int


class Neighbours:
    """Search for the nearest training rows.

    Args:
        x: Scaled training rows (training rows, columns).
    """

    def __init__(self, x: np.ndarray):
        self._search = NearestNeighbors(n_neighbors=min(N_NEIGHBOURS, len(x)), algorithm="brute").fit(x)

    def mean_distance(self, x: np.ndarray, groups: Groups | None = None) -> np.ndarray:
        """Return the mean distance to the nearest training rows (rows,); 0 where there is none.

        Args:
            x: Scaled rows (rows, columns).
            groups: Training rows that are no neighbours.
        """
        neighbours = self._search.n_neighbors
        count = min(neighbours + (groups.largest if groups else 0), self._search.n_samples_fit_)
        # Large groups make many neighbours to exclude; fewer rows at once then need no more memory.
        batch_rows = max(1, BATCH_ROWS * neighbours // count)
        found = [np.empty(0)]
        for first in range(0, len(x), batch_rows):
            batch = slice(first, first + batch_rows)
            distance, row = self._search.kneighbors(x[batch], count)
            length = np.linalg.norm(x[batch], axis=1, keepdims=True)
            distance = np.where(distance <= ROUNDING * length, 0.0, distance)
            if groups:
                distance[groups.of_training[row] == groups.of_rows[batch, None]] = np.inf
            distance = np.sort(distance, axis=1)[:, :neighbours]
            others = np.isfinite(distance)
            found.append(np.where(others, distance, 0).sum(axis=1) / np.maximum(others.sum(axis=1), 1))
        return np.concatenate(found)


class ApplicabilityDomain:
    """The applicability domain of a training set.

    Args:
        scaling: Scaling of the features.
        x: Scaled training rows, float32 (training rows, columns).
        training_distances: Distances of training rows from their own neighbours, sorted (sampled rows,).
        elements: Symbols of the elements of the training rows.
    """

    def __init__(self, scaling: Scaling, x: np.ndarray, training_distances: np.ndarray, elements: Collection[str]):
        self.scaling, self.x, self.training_distances = scaling, x, training_distances
        self.elements = frozenset(elements)
        self._neighbours = Neighbours(x)

    @classmethod
    def fit(
        cls, train: RoleData, widths: Sequence[tuple[str, int]], compositions: Mapping[str, str], *, grouped: bool
    ) -> Self:
        """Return the applicability domain of some training rows.

        Args:
            train: Training rows, unscaled.
            widths: Part and number of its columns, in the order of the representation.
            compositions: Composition of each material.
            grouped: Whether the split is grouped by composition, see `is_grouped_split`.
        """
        scaling = fit_scaling(train.x, widths, {name: "unit_rows" for name, _ in widths})
        x = scaling.apply(train.x)
        sample = np.linspace(0, len(train) - 1, min(SAMPLE_ROWS, len(train))).astype(int)
        of_rows = [compositions[material] for material in train.material_id]
        names, numbers, counts = np.unique(of_rows, return_inverse=True, return_counts=True)
        groups = Groups(np.arange(len(train)), sample, 1)
        if grouped:
            groups = Groups(numbers, numbers[sample], int(counts.max()))
        distances = np.sort(Neighbours(x).mean_distance(x[sample], groups))
        elements = {element for composition in names.tolist() for element in amounts(composition)}
        return cls(scaling, x, distances, elements)

    def _unseen_elements(self, compositions: Sequence[str]) -> list[str]:
        """Return the elements of each composition that no training row has, separated by spaces."""
        unseen = [""] * len(compositions)
        for row in rows_with_others(compositions, self.elements).tolist():
            unseen[row] = " ".join(sorted(amounts(compositions[row]).keys() - self.elements))
        return unseen

    def assess(self, x: np.ndarray, compositions: Iterable[str]) -> Assessment:
        """Return where some materials lie relative to the training set.

        Args:
            x: Unscaled features (rows, columns).
            compositions: Composition of each row.
        """
        distance = self._neighbours.mean_distance(self.scaling.apply(x))
        percentile = np.searchsorted(self.training_distances, distance, side="left") / len(self.training_distances)
        unseen = self._unseen_elements(list(compositions))
        flag = np.where(percentile > FAR_PERCENTILE, "far", "inside").astype(object)
        flag[[bool(elements) for elements in unseen]] = "unseen"
        return Assessment(distance, percentile, np.array(unseen, dtype=object), flag)
