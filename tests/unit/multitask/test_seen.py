"""The list of seen compositions: complete, compact, and the same on every machine."""

import numpy as np
import pytest

from elemflow.multitask import seen as lists
from elemflow.multitask.seen import Seen, hash_of, is_held_out


def test_a_packed_list_contains_what_was_put_in_and_little_else():
    names = [f"Fe{n}O{m}" for n in range(1, 120) for m in range(1, 120)]
    known = np.ones((len(names), 2), bool)
    known[0, 1] = False
    seen = Seen.unpack(Seen.of(names, known).pack())
    assert seen.contains(names).all()
    assert not seen.contains([f"Na{n}Cl{m}" for n in range(1, 40) for m in range(1, 40)]).any()
    assert seen.masks(names[:2]).tolist() == [1, 3]
    assert len(seen.pack()) < 5 * len(names)
    assert Seen.of(names[::-1], known[::-1]).pack() == seen.pack()


def test_hashes_are_fixed():
    assert hash_of("Fe2O3") == 13603199312769465678


def test_no_composition_and_damaged_bytes():
    assert not Seen.unpack(Seen.of([], np.zeros((0, 3), bool)).pack()).contains(["NaCl"]).any()
    packed = Seen.of(["NaCl", "Fe2O3"], np.eye(2, dtype=bool)).pack()
    for damaged in (b"", b"abc", packed[:-1], packed[:1] + bytes([3]) + packed[2:], bytes([40]) + packed[1:]):
        with pytest.raises(ValueError, match="hashes"):
            Seen.unpack(damaged)


def test_many_sets_of_heads_come_back():
    generator = np.random.default_rng(0)
    names, known = [f"Fe{n}O{m}" for n in range(1, 40) for m in range(1, 40)], generator.random((39 * 39, 60)) < 0.5
    seen = Seen.of(names, known)
    again = Seen.unpack(seen.pack())
    np.testing.assert_array_equal(again.masks(names), seen.masks(names))
    np.testing.assert_array_equal(again.has(59), seen.has(59))


def test_compositions_of_one_hash_are_one_with_the_heads_of_both(monkeypatch):
    monkeypatch.setattr(lists, "BITS", 1)
    seen = Seen.of([f"Fe{n}" for n in range(1, 9)], np.eye(8, dtype=bool))
    assert len(seen) == 2
    assert np.bitwise_or.reduce(seen.masks([f"Fe{n}" for n in range(1, 9)])) == 255


def test_the_held_out_part_has_its_size_and_grows_with_the_fraction():
    names = [f"Fe{n}O{m}" for n in range(1, 100) for m in range(1, 100)]
    small, large = (np.array([is_held_out(name, fraction) for name in names]) for fraction in (0.04, 0.2))
    assert small.mean() == pytest.approx(0.04, abs=0.01)
    assert large[small].all()
