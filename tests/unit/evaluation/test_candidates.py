import pandas as pd
import pytest

from elemflow.evaluation.candidates import CandidateScore, score_candidates

NOT_KNOWN = float("nan")


def score(*rows: tuple[str, float, float]) -> CandidateScore:
    columns = ["composition", "known", "unseen_prediction"]
    table = pd.DataFrame(rows, columns=columns).assign(material_id=[str(number) for number in range(len(rows))])
    return score_candidates(table)


def test_known_and_unseen_candidates_are_scored() -> None:
    found = score(("AB", -1.0, -0.5), ("AC", 1.0, 1.1), ("AD", 0.3, NOT_KNOWN), ("AE", NOT_KNOWN, NOT_KNOWN))
    assert (found.candidates, found.known, found.known_and_unseen, found.entries_evaluated) == (4, 3, 2, 2)
    assert found.mae == pytest.approx((0.5 + 0.1) / 2)
    assert found.mae_of_the_mean == pytest.approx(1)


def test_of_several_candidates_for_an_entry_the_lowest_prediction_counts() -> None:
    found = score(("AB", -1.0, -0.5), ("AB", -1.0, -0.9))
    assert (found.known_and_unseen, found.entries_evaluated) == (2, 1)
    assert found.mae == pytest.approx(0.1)


def test_without_unseen_candidates_there_is_no_error() -> None:
    assert score(("AB", -1.0, NOT_KNOWN)) == CandidateScore(1, 1, 0, 0, None, None)
