"""Packed float16 numbers: every bit comes back, in few bytes, and damage is noticed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from elemflow.multitask.halves import join_bytes, pack_halves, split_bytes, unpack_halves

HALVES = arrays(np.float16, st.integers(0, 50), elements=st.floats(width=16))


@given(st.lists(HALVES, max_size=4))
def test_every_bit_comes_back(given_arrays):
    found = unpack_halves(pack_halves(given_arrays))
    expected = np.concatenate([np.empty(0, np.float16), *given_arrays])
    assert found.tobytes() == expected.tobytes()


@given(arrays(np.float16, st.tuples(st.integers(0, 3), st.integers(0, 9)), elements=st.floats(width=16)))
def test_bytes_of_any_shape_are_joined_as_they_were_split(values):
    planes = split_bytes(values)
    assert planes.shape == (2, *values.shape)
    np.testing.assert_array_equal(join_bytes(planes), values)


def test_weights_take_fewer_than_fourteen_bits_each_and_equal_ones_equal_bytes():
    weights = np.random.default_rng(0).uniform(-0.1, 0.1, 50_000).astype(np.float16)
    packed = pack_halves([weights[:10], weights[10:]])
    assert len(packed) < 14 / 8 * len(weights)
    assert packed == pack_halves([weights])


def test_damaged_and_cut_bytes_are_refused():
    packed = pack_halves([np.ones(8, np.float16)])
    for damaged in (packed[:-3], b"", b"abc"):
        with pytest.raises(ValueError, match="no packed numbers"):
            unpack_halves(damaged)
