"""Known values in the file of a base: rounding, what is not known, colliding hashes, and what is refused."""

import io

import numpy as np
import pytest
from factories.base_toy import compositions, value

from elemflow.multitask import seen as lists
from elemflow.multitask.known import VERSION, Known, pack_known
from elemflow.multitask.seen import Seen

HEADS, TRANSFORMS = ("gap", "modulus"), ("none", "log10")


@pytest.fixture(name="parts")
def _parts():
    """Training and held-out compositions with two targets, of which the second has gaps."""
    names = compositions(200)
    targets = np.array([[value(name), np.sin(value(name))] for name in names])
    targets[::3, 1] = np.nan
    return (names[:150], targets[:150]), (names[150:], targets[150:])


def packed(parts):
    seen = Seen.of(parts[0][0], ~np.isnan(parts[0][1]))
    return seen, pack_known(seen, *parts, TRANSFORMS)


def test_values_come_back_rounded_and_gaps_stay_gaps(parts):
    seen, content = packed(parts)
    known = Known.read(content, seen, HEADS)
    assert known.steps.tolist() == pytest.approx([0.001, 0.0001])
    for names, targets in parts:
        order = np.random.default_rng(1).permutation(len(names))
        found = known.find([names[place] for place in order], [0, 1])
        assert (np.isnan(found) == np.isnan(targets[order])).all()
        assert np.nanmax(np.abs(found - targets[order]) / known.steps) <= 0.5 + 1e-6
    assert np.isnan(known.find(["Og2Lv3", "FeU"], [0, 1])).all()
    assert known.find([], [1]).shape == (0, 1)


def test_equal_values_give_equal_bytes(parts):
    assert packed(parts)[1] == packed(parts)[1]


def test_compositions_of_one_hash_never_have_the_value_of_another(parts, monkeypatch):
    monkeypatch.setattr(lists, "BITS", 7)
    seen, content = packed(parts)
    known = Known.read(content, seen, HEADS)
    assert len(seen) < len(parts[0][0])
    wrong = 0
    for names, targets in parts:
        found = known.find(names, [0])[:, 0]
        wrong += np.sum(~np.isnan(found) & (np.abs(found - targets[:, 0]) > 0.001))
    assert wrong <= 3  # one in 255 of those that meet another one's hash, where 128 hashes serve 200
    assert np.isfinite(known.find(parts[0][0], [0])).any()


def test_a_wide_range_is_rounded_as_far_as_two_bytes_need():
    names = compositions(100)
    targets = np.linspace(0, 1, 100)[:, None] ** 8
    targets[-1] = 1e5
    seen = Seen.of(names, ~np.isnan(targets))
    known = Known.read(pack_known(seen, (names, targets), ([], targets[:0]), ["none"]), seen, ["x"])
    assert np.nanmax(np.abs(known.find(names, [0]) - targets)) <= known.steps[0] / 2
    assert np.ptp(targets) / known.steps[0] < 2**16


def changed(content, **arrays):
    with np.load(io.BytesIO(content)) as stored:
        found = {name: stored[name] for name in stored.files} | arrays
    stream = io.BytesIO()
    np.savez_compressed(stream, **found)
    return stream.getvalue()


def test_another_version_or_another_base_is_refused(parts):
    seen, content = packed(parts)
    with pytest.raises(ValueError, match=f"version {VERSION + 1}"):
        Known.read(changed(content, version=np.array(VERSION + 1)), seen, HEADS)
    with pytest.raises(ValueError, match="other heads"):
        Known.read(content, seen, HEADS[:1])
    fewer = Seen.of(parts[0][0][1:], ~np.isnan(parts[0][1][1:]))
    with pytest.raises(ValueError, match="another list"):
        Known.read(content, fewer, HEADS)
