"""Evaluation of ranked candidates on those that a dataset knows."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class CandidateScore:
    """How well a run predicts the candidates that its dataset knows.

    Attributes:
        candidates: Number of candidates.
        known: Those with an entry of their composition and space group in the dataset.
        known_and_unseen: Known ones with a composition that some member has not seen.
        entries_evaluated: Different entries of the dataset among the latter.
        mae: Mean absolute error over these entries, in the property's unit; None if there are none.
        mae_of_the_mean: Mean absolute error of predicting the mean of these entries; None if there are none.
    """

    candidates: int
    known: int
    known_and_unseen: int
    entries_evaluated: int
    mae: float | None
    mae_of_the_mean: float | None


def score_candidates(table: pd.DataFrame) -> CandidateScore:
    """Return how well the known candidates are predicted.

    Args:
        table: A row per candidate with `material_id`, `composition`, `known` value and `unseen_prediction`, the latter
            two missing where there is none.
    """
    unseen = table.dropna(subset=["unseen_prediction"])
    evaluated = unseen.sort_values(["unseen_prediction", "material_id"]).drop_duplicates(["composition", "known"])
    errors = (evaluated["unseen_prediction"] - evaluated["known"]).abs()
    deviations = (evaluated["known"] - evaluated["known"].mean()).abs()
    return CandidateScore(
        candidates=len(table),
        known=int(table["known"].notna().sum()),
        known_and_unseen=len(unseen),
        entries_evaluated=len(evaluated),
        mae=float(errors.mean()) if len(evaluated) else None,
        mae_of_the_mean=float(deviations.mean()) if len(evaluated) else None,
    )
