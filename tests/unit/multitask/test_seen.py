"""The list of seen compositions: complete, compact, and the same on every machine."""

import numpy as np
import pytest

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
    with pytest.raises(ValueError, match="hashes"):
        Seen.unpack(b"abc")


def test_the_held_out_part_has_its_size_and_grows_with_the_fraction():
    names = [f"Fe{n}O{m}" for n in range(1, 100) for m in range(1, 100)]
    small, large = (np.array([is_held_out(name, fraction) for name in names]) for fraction in (0.04, 0.2))
    assert small.mean() == pytest.approx(0.04, abs=0.01)
    assert large[small].all()
