"""Which compositions a network has seen, as a sorted list of hashes that is small enough to ship with it."""

import hashlib
import zlib
from collections.abc import Iterable

import numpy as np

BITS = 40
"""Bits of a stored hash: of a million other compositions, less than one has the hash of one of 400,000 seen ones."""
_SIXTY_FOUR = 64


def hash_of(composition: str, salt: str = "") -> int:
    """Return the 64-bit hash of a canonical composition, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(f"{salt}/{composition}".encode(), digest_size=8).digest())


def is_held_out(composition: str, fraction: float) -> bool:
    """Return whether a composition belongs to the part that no base of this fraction sees."""
    return hash_of(composition, "held out") < fraction * 2**_SIXTY_FOUR


class Seen:
    """A set of compositions, by their hashes.

    Args:
        hashes: Sorted hashes of `BITS` bits, int64 (compositions,).
    """

    def __init__(self, hashes: np.ndarray):
        self._hashes = hashes

    @classmethod
    def of(cls, compositions: Iterable[str]) -> "Seen":
        """Return the set of some compositions."""
        return cls(np.unique(_hashes(compositions)))

    def __len__(self) -> int:
        """Return the number of different hashes."""
        return len(self._hashes)

    def contains(self, compositions: Iterable[str]) -> np.ndarray:
        """Return whether each composition was seen, bool (compositions,); one in a million is wrongly called seen."""
        wanted = _hashes(compositions)
        places = np.searchsorted(self._hashes, wanted)
        found = places < len(self._hashes)
        found[found] = self._hashes[places[found]] == wanted[found]
        return np.asarray(found)

    def pack(self) -> bytes:
        """Return the set as compressed differences of neighbours; equal sets give equal bytes."""
        differences = np.diff(self._hashes, prepend=0).astype("<u8")
        # Bytes of one significance are neighbours: the highest are zero throughout.
        return zlib.compress(differences.view(np.uint8).reshape(-1, 8).T.tobytes(), 9)

    @classmethod
    def unpack(cls, packed: bytes) -> "Seen":
        """Return the set that `pack` wrote.

        Raises:
            ValueError: The bytes are not as `pack` writes them.
        """
        try:
            plain = zlib.decompress(packed)
        except zlib.error as error:
            raise ValueError(f"not a list of hashes ({error})") from None
        if len(plain) % 8:
            raise ValueError("not a list of hashes")
        differences = np.frombuffer(plain, np.uint8).reshape(8, -1).T.copy().view("<u8")[:, 0]
        return cls(np.cumsum(differences.astype(np.int64)))


def _hashes(compositions: Iterable[str]) -> np.ndarray:
    shift = _SIXTY_FOUR - BITS
    return np.array([hash_of(composition) >> shift for composition in compositions], dtype=np.int64)
