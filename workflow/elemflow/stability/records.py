"""Content of `stability.json`: how well a run decides which compounds are stable, by setting and by what decides."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from elemflow.core.files import read_json

ALL_PREDICTED = "all_predicted"
"""Every energy of the hull is a prediction, and the truth is the hull of all reference energies."""
KNOWN_HULL = "known_hull"
"""The hull is that of the reference energies of the training set, for the candidate and for the truth."""
KNOWN_HULL_ALL_TRUE = "known_hull_all_true"
"""As `known_hull` with the hull of all reference energies as the truth: what competitors cost that are not known."""
SETTINGS = (ALL_PREDICTED, KNOWN_HULL, KNOWN_HULL_ALL_TRUE)

ENERGY = "energy"
SUBSTITUTION = "substitution"
HULL = "hull"
HULL_CLASSIFIER = "hull_classifier"
BLEND = "blend"
SECOND_STAGE = "second_stage"
SECOND_STAGE_CLASSIFIER = "second_stage_classifier"
ALL_NETWORKS = "all_networks"
TRAINED = "trained"
TRAINED_CLASSIFIER = "trained_classifier"
DECIDERS = {
    ENERGY: "predicted energy and hull",
    ALL_NETWORKS: "energy of all networks that did not see the compound, and hull",
    SUBSTITUTION: "mean ΔHd of known compounds with one element exchanged, no model",
    HULL: "ΔHd by boosted trees that read the known hull",
    HULL_CLASSIFIER: "P(stable) by boosted trees that read the known hull",
    BLEND: "mean of the ΔHd of the predicted energy and of the trees that read the known hull",
    SECOND_STAGE: "ΔHd by boosted trees that read the known hull and the predicted energy",
    SECOND_STAGE_CLASSIFIER: "P(stable) by boosted trees that read the known hull and the predicted energy",
    TRAINED: "ΔHd by boosted trees that read the predicted hull, labels of the training set's hull",
    TRAINED_CLASSIFIER: "P(stable) by boosted trees that read the predicted hull, labels of the training set's hull",
}
"""What decides whether a compound is stable, in words."""
COLUMNS: dict[str, tuple[str | None, str | None]] = {
    ENERGY: ("energy", "p_energy"),
    ALL_NETWORKS: ("all_networks", "p_all_networks"),
    SUBSTITUTION: ("substitution", None),
    HULL: ("hull", "p_hull"),
    HULL_CLASSIFIER: (None, "hull_classifier"),
    BLEND: ("blend", "p_blend"),
    SECOND_STAGE: ("second_stage", "p_second_stage"),
    SECOND_STAGE_CLASSIFIER: (None, "second_stage_classifier"),
}
"""Columns of ΔHd and P(stable) in `stability.parquet` with the known hull, by decider."""
COLUMNS_ALL_PREDICTED: dict[str, tuple[str | None, str | None]] = {
    ENERGY: ("all_predicted", "p_all_predicted"),
    ALL_NETWORKS: ("all_predicted_all_networks", "p_all_predicted_all_networks"),
    TRAINED: ("trained", "p_trained"),
    TRAINED_CLASSIFIER: (None, "trained_classifier"),
}
"""The same where every energy is predicted."""

LEVEL = 90
"""Level of intervals and of sets of labels, per cent."""
TOLERANCES = (0, 25, 50)
"""Decomposition enthalpies up to which a compound counts as stable, meV/atom."""


class Part(BaseModel):
    """An immutable part of `stability.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def plain(self) -> dict[str, Any]:
        """Return the JSON values of all fields."""
        return self.model_dump(mode="json")


class Decision(Part):
    """Counts of right and wrong decisions as rates; None where a denominator is 0.

    Attributes:
        accuracy: Share of right decisions.
        f1: Harmonic mean of precision and recall.
        precision: Share of truly stable among those predicted to be.
        recall: Share of those predicted stable among the truly stable.
        fpr: Share of those predicted stable among the truly unstable.
    """

    accuracy: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    fpr: float | None


class ReliabilityBin(Part):
    """Compounds of similar P(stable).

    Attributes:
        probability: Mean P(stable).
        stable: Share that is stable.
        n: Number of compounds.
    """

    probability: float
    stable: float
    n: int


class Group(Part):
    """Compounds with one number of elements, or of one chemistry; see `Metrics`."""

    n: int
    prevalence: float
    mae_decomposition: float | None
    accuracy: float | None
    f1: float | None
    fpr: float | None
    roc_auc: float | None


class Metrics(Part):
    """How well one decider decides in one setting.

    Attributes:
        n: Number of compounds.
        systems: Number of chemical systems, the clusters of the intervals.
        prevalence: Share of stable compounds.
        mae_energy: Mean absolute error of the energy, eV/atom; None without a predicted energy.
        mae_decomposition: Mean absolute error of ΔHd, eV/atom; None for a classifier.
        decisions: Decisions at a tolerance, by meV/atom. A classifier has those at 0 alone.
        roc_auc: Area under the ROC curve, None if all compounds are stable or none is.
        average_precision: Area under the precision-recall curve.
        precision_at: Share of truly stable among the k ranked most stable, by k; None for fewer compounds.
        discovery_acceleration: Precision over prevalence.
        calibration_error: Expected calibration error of P(stable); None without probabilities.
        reliability: P(stable) in bins of equal width.
        intervals: 95 % intervals by metric, of the clustered bootstrap over chemical systems.
        by_elements: The same by number of elements.
        by_chemistry: The same by class of anions, see `elemflow.chemistry.anion_classes`.
    """

    n: int
    systems: int
    prevalence: float
    mae_energy: float | None
    mae_decomposition: float | None
    decisions: dict[str, Decision]
    roc_auc: float | None
    average_precision: float | None
    precision_at: dict[str, float | None]
    discovery_acceleration: float | None
    calibration_error: float | None
    reliability: list[ReliabilityBin]
    intervals: dict[str, tuple[float, float]]
    by_elements: dict[str, Group]
    by_chemistry: dict[str, Group] = {}


class CalibrationCurve(Part):
    """P(stable) at predicted ΔHd, linear in between and constant outside; see `elemflow.stability.second_stage`."""

    decomposition: tuple[float, ...]
    probability: tuple[float, ...]


class IntervalCoverage(Part):
    """Intervals of ΔHd of one kind at `LEVEL`: share of the tested compounds inside, and mean width in eV/atom."""

    coverage: float
    width: float


class Intervals(Part):
    """Conformal intervals of ΔHd around one decider, calibrated on the other folds.

    Attributes:
        kinds: Coverage by kind: `absolute` (one width), `normalised` (by how far two deciders disagree) and `grouped`
            (the same, calibrated in groups of compounds with similar disagreement).
        edges: Upper ends of the groups but the last for new compounds, by disagreement in eV/atom.
        mean: Mean disagreement, eV/atom.
        quantiles: Half-width of a group for new compounds over disagreement plus its mean.
    """

    kinds: dict[str, IntervalCoverage]
    edges: tuple[float, ...]
    mean: float
    quantiles: tuple[float, ...]


class LabelSets(Part):
    """Sets of the labels stable and unstable by P(stable), each label calibrated on the other folds at `LEVEL`.

    Attributes:
        coverage_stable: Share of the stable compounds whose set has the label; None if there are none.
        coverage_unstable: The same of the unstable.
        decided: Share of the compounds with one label.
        lowest_stable: P(stable) from which a new compound may be stable.
        highest_stable: P(stable) up to which a new compound may be unstable.
    """

    coverage_stable: float | None
    coverage_unstable: float | None
    decided: float
    lowest_stable: float
    highest_stable: float


class StabilityReport(Part):
    """All of `stability.json`.

    Attributes:
        settings: Metrics by setting and decider.
        intervals: Intervals of ΔHd with the known hull, by decider.
        sets: Sets of labels with the known hull, by decider.
        calibration: P(stable) by the ΔHd of the predicted energy and the known hull, for new compounds: fitted on the
            predictions out of fold of all folds.
        missing: Why a setting or a decider has none, by name.
    """

    settings: dict[str, dict[str, Metrics]]
    calibration: CalibrationCurve
    intervals: dict[str, Intervals] = {}
    sets: dict[str, LabelSets] = {}
    missing: dict[str, str] = {}

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read `stability.json`."""
        return cls.model_validate(read_json(path))
