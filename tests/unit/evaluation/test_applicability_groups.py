import pandas as pd

from elemflow.evaluation.applicability_groups import percentile_groups


def test_groups_are_cut_at_the_edges() -> None:
    rows = pd.DataFrame({"percentile": [0.0, 0.5, 0.51, 1.0, 0.2], "flag": ["inside"] * 4 + ["unseen"]})
    groups = percentile_groups(rows, (0.5, 0.9, 1.0))
    assert groups.tolist() == ["0–50%", "0–50%", "50–90%", "90–100%", "unseen elements"]
    assert groups.cat.categories.tolist() == ["0–50%", "50–90%", "90–100%", "unseen elements"]
