"""Which compositions a network has seen, as a sorted list of hashes that is small enough to ship with it."""

import hashlib
import zlib
from collections.abc import Iterable, Sequence

import numpy as np

BITS = 36
"""Bits of a stored hash: of a million other compositions, six have the hash of one of 400,000 seen ones."""
_SIXTY_FOUR = 64
_HEAD = 17
"""Bytes before the compressed ones: bits of a hash, then numbers of compositions and of different sets of heads."""


def hash_of(composition: str, salt: str = "") -> int:
    """Return the 64-bit hash of a canonical composition, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(f"{salt}/{composition}".encode(), digest_size=8).digest())


def is_held_out(composition: str, fraction: float) -> bool:
    """Return whether a composition belongs to the part that no base of this fraction sees."""
    return hash_of(composition, "held out") < fraction * 2**_SIXTY_FOUR


class Seen:
    """A set of compositions, by their hashes, and which heads had a label of each.

    Args:
        hashes: Sorted, different hashes of `BITS` bits, int64 (compositions,).
        masks: Bit k is set where head k had a label, uint64 (compositions,).
    """

    def __init__(self, hashes: np.ndarray, masks: np.ndarray):
        self._hashes, self._masks = hashes, masks

    @classmethod
    def of(cls, compositions: Sequence[str], known: np.ndarray) -> "Seen":
        """Return the set of some compositions.

        Args:
            compositions: Canonical compositions.
            known: Where the heads have labels, bool (compositions, heads); at most 64 heads.
        """
        bits = np.left_shift(np.uint64(1), np.arange(known.shape[1], dtype=np.uint64))
        masks = np.where(known, bits, np.uint64(0)).sum(axis=1, dtype=np.uint64)
        hashes = _hashes(compositions)
        unique, places = np.unique(hashes, return_inverse=True)
        merged = np.zeros(len(unique), np.uint64)
        np.bitwise_or.at(merged, places, masks)
        return cls(unique, merged)

    @classmethod
    def of_all(cls, compositions: Sequence[str]) -> "Seen":
        """Return the set of some canonical compositions, of which one head had all labels."""
        return cls.of(compositions, np.ones((len(compositions), 1), bool))

    def __len__(self) -> int:
        """Return the number of different hashes."""
        return len(self._hashes)

    def masks(self, compositions: Sequence[str]) -> np.ndarray:
        """Return the heads that had a label of each composition as bits, uint64 (compositions,).

        Six compositions in a million are wrongly called seen; none that was seen is missed.
        """
        places = self.places(compositions)
        found = np.zeros(len(places), np.uint64)
        found[places >= 0] = self._masks[places[places >= 0]]
        return found

    def places(self, compositions: Sequence[str]) -> np.ndarray:
        """Return the place of each composition in the list, -1 for those that are not in it, int (compositions,)."""
        wanted = _hashes(compositions)
        if not len(self):
            return np.full(len(wanted), -1)
        places = np.minimum(np.searchsorted(self._hashes, wanted), len(self) - 1)
        return np.where(self._hashes[places] == wanted, places, -1)

    def has(self, head: int) -> np.ndarray:
        """Return for which compositions of the list a head had a label, bool (compositions,)."""
        return (self._masks >> np.uint64(head)) & np.uint64(1) > 0

    def contains(self, compositions: Sequence[str]) -> np.ndarray:
        """Return whether each composition was seen, bool (compositions,)."""
        return self.masks(compositions) > 0

    def pack(self) -> bytes:
        """Return the set as compressed bytes; equal sets give equal bytes."""
        masks, inverse, counts = np.unique(self._masks, return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        numbers = np.empty(len(masks), "<u4")
        numbers[order] = np.arange(len(masks))
        differences = np.diff(self._hashes, prepend=0).astype("<u8")
        # Bytes of one significance are neighbours: the highest are zero throughout.
        planes = [differences.view(np.uint8).reshape(-1, 8).T, numbers[inverse].view(np.uint8).reshape(-1, 4).T]
        head = bytes([BITS]) + np.array([len(self), len(masks)], "<u8").tobytes()
        plain = [masks[order].astype("<u8").tobytes(), *(each.tobytes() for each in planes)]
        return head + zlib.compress(b"".join(plain), 9)

    @classmethod
    def unpack(cls, packed: bytes) -> "Seen":
        """Return the set that `pack` wrote.

        Raises:
            ValueError: The bytes are not as `pack` writes them.
        """
        if len(packed) < _HEAD or packed[0] != BITS:
            raise ValueError(f"no list of hashes of {BITS} bits")
        try:
            plain = zlib.decompress(packed[_HEAD:])
        except zlib.error as error:
            raise ValueError(f"no list of hashes ({error})") from None
        rows, different = np.frombuffer(packed[1:_HEAD], "<u8").tolist()
        if len(plain) != 8 * different + 12 * rows:
            raise ValueError("a list of hashes of another length")
        masks = np.frombuffer(plain, "<u8", different).astype(np.uint64)
        planes = np.frombuffer(plain, np.uint8, offset=8 * different)
        differences = np.ascontiguousarray(planes[: 8 * rows].reshape(8, -1).T).view("<u8")[:, 0]
        numbers = np.ascontiguousarray(planes[8 * rows :].reshape(4, -1).T).view("<u4")[:, 0]
        if rows and numbers.max() >= different:
            raise ValueError("a list of hashes with heads that it does not have")
        return cls(np.cumsum(differences.astype(np.int64)), masks[numbers])


def _hashes(compositions: Iterable[str]) -> np.ndarray:
    shift = _SIXTY_FOUR - BITS
    return np.array([hash_of(composition) >> shift for composition in compositions], dtype=np.int64)
