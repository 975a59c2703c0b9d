"""Notes on what the base of a run had seen of its test set."""

import json

import pytest

from elemflow.evaluation.equivalence import SPREAD_OF_ONE, SPREAD_OF_SEARCH
from elemflow.reporting.results import read_seen, spread_of_one


def run(folder, *members):
    info = {"members": {str(number): member for number, member in enumerate(members)}}
    (folder / "run_info.json").write_text(json.dumps(info))
    return folder / "metrics.json"


def member(seen, unseen, **heads):
    return {"test_seen": seen, "test_unseen": unseen, "test_seen_under": heads}


@pytest.mark.parametrize(
    ("members", "note"),
    [
        ([{"seed": 1}], None),
        ([member(0, 9)], "the base had seen none of the test materials (0 of 9)"),
        (
            [{"test_seen": 2, "test_unknown": 7, "test_seen_under": {"gap": 2}}],
            "which test materials the networks it started from had seen is not known, at least 2 of 9",
        ),
        ([member(2, 7, gap=2, volume=1)], "the base had seen 2 of 9 test materials, under gap (2), volume (1)"),
        (
            [member(2, 7, a=2, b=2, c=2, d=1), member(4, 6, a=4, b=3, c=2)],
            "the base had seen 2 of 9 to 4 of 10 test materials, under a (3), b (2), c (2) and 1 more properties",
        ),
    ],
)
def test_the_note_counts_seen_test_materials_by_property(tmp_path, members, note):
    assert read_seen(run(tmp_path, *members)) == note
    assert read_seen(None) is None


@pytest.mark.parametrize(
    ("model", "spread"),
    [
        ({"kind": "network"}, SPREAD_OF_ONE),
        ({"kind": "estimator", "search": None}, SPREAD_OF_ONE),
        ({"kind": "estimator", "search": {"grid": {}}}, SPREAD_OF_SEARCH),
        ({"kind": "search"}, SPREAD_OF_SEARCH),
        ({"kind": "best_of"}, SPREAD_OF_SEARCH),
    ],
)
def test_the_spread_of_one_member_depends_on_whether_its_model_is_chosen(tmp_path, model, spread):
    (tmp_path / "run_info.json").write_text(json.dumps({"cfg": {"model": model}}))
    assert spread_of_one(tmp_path / "metrics.json") == spread
    assert spread_of_one(None) == SPREAD_OF_ONE
