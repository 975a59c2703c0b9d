"""What a member's facts say of a base whose outputs are its features."""

import pyarrow as pa
import pytest

from elemflow.features.store import load_descriptors
from elemflow.training.member_files import PREDICTIONS, _seen_by_bases


def test_test_materials_that_the_base_has_seen_are_counted_where_it_is_a_part():
    names = ["NaCl", "ClNa", "O2Si", "Lv3Og2", "FeLv"]
    roles = ["validation", "test", "test", "test", "test"]
    columns = [names, [0] * 5, roles, [1.0] * 5, [9.0, 1.5, 1.5, 3.0, 3.0]]
    table = pa.table(columns, schema=PREDICTIONS)
    assert _seen_by_bases(["ef", "pa"], table) == {}
    found = _seen_by_bases(["ef", "base"], table)
    assert (found["test_seen"], found["test_unseen"]) == (2, 2)
    assert (found["test_error_seen"], found["test_error_unseen"]) == pytest.approx((0.5, 2.0))
    assert found["test_seen_under"]["mp_band_gap"] == 2
    assert set(found["test_seen_under"]) <= {head.id for head in load_descriptors("base").TRUNK.base.facts.heads}
