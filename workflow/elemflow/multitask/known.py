"""Values that the sources of a base have for its compositions, small enough to ship with it.

A value is what the joint table has, as the head's targets are transformed, rounded to a power of ten: 0.001 eV for most
energies. Training compositions are found in the list that the base ships anyway (`elemflow.multitask.seen`), so only
those that were held out have a list here. One more byte of each composition separates it from almost all others of its
hash. Each head is decompressed when it is first asked for.
"""

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from elemflow.config.base import Transform
from elemflow.core.errors import DataError
from elemflow.multitask.seen import Seen, hash_of

PARTS = ("training", "held_out")
"""Parts of a joint table, in the order of their files."""
OF_SPREAD = {"none": 300, "log10": 3_000, "log1p_abs": 3_000}
"""Part of the standard deviation of a head, by its transform, that values are rounded to at most."""
MOST_CODES = 2**16
VERSION = 2
"""Version of the format; others are refused."""
NEVER = 0
"""Check byte of a composition that shares its hash with another one, so that neither has a value."""


class Part(NamedTuple):
    """Compositions with values.

    Attributes:
        seen: Their hashes, and which heads have a value.
        checks: A further byte of each, in the order of the hashes, uint8 (compositions,).
    """

    seen: Seen
    checks: np.ndarray


class Known:
    """Known values of a base.

    Args:
        parts: Training and held-out compositions.
        heads: Ids of the heads, in order.
        arrays: `steps` (heads,), `first` (heads,) and the codes of each part and head, as `pack_known` writes them.
    """

    def __init__(self, parts: Sequence[Part], heads: Sequence[str], arrays: Mapping[str, np.ndarray]):
        self._parts, self._heads, self._arrays = parts, heads, arrays
        self.steps = np.asarray(arrays["steps"], np.float64)
        self._values = lru_cache(maxsize=None)(self._decode)

    @classmethod
    def read(cls, content: bytes, seen: Seen, heads: Sequence[str]) -> "Known":
        """Return what `pack_known` wrote.

        Args:
            content: The bytes.
            seen: Training compositions of the base.
            heads: Ids of its heads.

        Raises:
            ValueError: The bytes are not as they are written, or belong to another base.
            KeyError: An array is missing.
        """
        arrays = np.load(io.BytesIO(content), allow_pickle=False)
        if int(arrays["version"]) != VERSION:
            raise ValueError(f"version {int(arrays['version'])} of the known values, and this elemflow reads {VERSION}")
        lists = (seen, Seen.unpack(arrays["held_out"].tobytes()))
        parts = [Part(each, arrays[f"checks:{name}"]) for name, each in zip(PARTS, lists, strict=True)]
        if [len(each.seen) for each in parts] != [len(each.checks) for each in parts]:
            raise ValueError("the known values belong to another list of compositions")
        if arrays["steps"].shape != (len(heads),):
            raise ValueError("the known values belong to other heads")
        return cls(parts, heads, arrays)

    def find(self, compositions: Sequence[str], heads: Sequence[int]) -> np.ndarray:
        """Return the values of canonical compositions.

        Args:
            compositions: The compositions.
            heads: Numbers of the heads.

        Returns:
            Values as the heads are transformed, NaN where there is none, float64 (compositions, heads).

        Raises:
            DataError: The file is inconsistent.
        """
        targets = np.full((len(compositions), len(heads)), np.nan)
        for number, part in enumerate(self._parts):
            rows, places = self._rows_of(part, compositions)
            if len(rows):
                for column, head in enumerate(heads):
                    targets[rows, column] = self._values(number, head)[places]
        return targets

    @staticmethod
    def _rows_of(part: Part, compositions: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return which compositions a part has, and their places in its list."""
        places = part.seen.places(compositions)
        rows = np.flatnonzero(places >= 0)
        checks = np.array([_check_of(compositions[int(row)]) for row in rows], np.uint8)
        same = part.checks[places[rows]] == checks
        return rows[same], places[rows[same]]

    def _decode(self, number: int, head: int) -> np.ndarray:
        """Return the values of a head for all compositions of a part, NaN where there is none."""
        part = self._parts[number]
        planes = self._arrays[f"{PARTS[number]}:{head}"]
        codes = (planes[0].astype(np.int64) << 8) + planes[1] + int(self._arrays["first"][head])
        has = part.seen.has(head)
        if has.sum() != len(codes):
            raise DataError(
                f"the known values of '{self._heads[head]}' do not fit its compositions. Get the file again."
            )
        step = self.steps[head]
        values = np.full(len(has), np.nan)
        values[has] = np.round(codes * step, max(0, round(-np.log10(step))))
        return values


def pack_known(
    seen: Seen,
    training: tuple[Sequence[str], np.ndarray],
    held_out: tuple[Sequence[str], np.ndarray],
    transforms: Sequence[Transform],
) -> bytes:
    """Return the known values of a base as bytes; equal values give equal bytes.

    Args:
        seen: Training compositions of the base.
        training: Canonical compositions and their targets, NaN where there is none (compositions, heads).
        held_out: The same of those that were held out.
        transforms: Transform of each head.
    """
    targets = np.concatenate([training[1], held_out[1]]).astype(np.float64).T
    columns = zip(targets, transforms, strict=True)
    steps = np.array([_step(column[~np.isnan(column)], OF_SPREAD[transform]) for column, transform in columns])
    first = np.array([np.nanmin(np.rint(column / step)) for column, step in zip(targets, steps, strict=True)])
    held = Seen.of(held_out[0], ~np.isnan(held_out[1]))
    arrays: dict[str, Any] = {"version": np.array(VERSION), "steps": steps, "first": first.astype(np.int64)}
    arrays["held_out"] = np.frombuffer(held.pack(), np.uint8)
    for name, part, (compositions, values) in zip(PARTS, (seen, held), (training, held_out), strict=True):
        places, checks = part.places(compositions), np.full(len(part), NEVER, np.uint8)
        checks[places] = [_check_of(composition) for composition in compositions]
        checks[np.bincount(places, minlength=len(part)) > 1] = NEVER
        arrays[f"checks:{name}"] = checks
        for head, step in enumerate(steps):
            known = ~np.isnan(values[:, head])
            column = np.zeros(len(part))
            column[places[known]] = np.rint(values[known, head].astype(np.float64) / step) - first[head]
            codes = column[part.has(head)].astype(np.uint16)
            arrays[f"{name}:{head}"] = np.stack([codes >> 8, codes & 255]).astype(np.uint8)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _step(values: np.ndarray, of_spread: int) -> float:
    """Return what values are rounded to: a power of ten, larger where their range needs more codes than there are."""
    step = float(10.0 ** np.floor(np.log10(np.std(values) / of_spread)))
    while np.ptp(values) / step >= MOST_CODES - 1:
        step *= 10
    return step


def _check_of(composition: str) -> int:
    """Return a byte of a composition that is independent of its hash, and not `NEVER`."""
    return 1 + hash_of(composition, "known") % 255
