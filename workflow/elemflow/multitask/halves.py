"""Numbers of 16 bits as few bytes: the high bytes, which are alike, apart from the low ones, which are not."""

import zlib
from collections.abc import Sequence

import numpy as np


def pack_halves(arrays: Sequence[np.ndarray]) -> bytes:
    """Return float16 arrays, one after the other, as compressed bytes; equal arrays give equal bytes.

    Nothing repeats in weights, and a search for repetitions makes them larger: codes follow from frequencies alone.
    """
    values = np.concatenate([np.empty(0, "<f2"), *(array.astype("<f2").ravel() for array in arrays)])
    packer = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
    return packer.compress(split_bytes(values).tobytes()) + packer.flush()


def unpack_halves(packed: bytes) -> np.ndarray:
    """Return the values that `pack_halves` wrote, float16 (values,).

    Raises:
        ValueError: The bytes are not as they are written.
    """
    try:
        plain = np.frombuffer(zlib.decompress(packed), np.uint8)
    except zlib.error as error:
        raise ValueError(f"no packed numbers ({error})") from None
    if len(plain) % 2:
        raise ValueError("half a number is missing")
    return join_bytes(plain.reshape(2, -1))


def split_bytes(values: np.ndarray) -> np.ndarray:
    """Return float16 values as their high and their low bytes, uint8 (2, …)."""
    pairs = np.ascontiguousarray(values.astype("<f2"))[..., None].view(np.uint8)
    return np.stack([pairs[..., 1], pairs[..., 0]])


def join_bytes(planes: np.ndarray) -> np.ndarray:
    """Return the float16 values of their high and low bytes, uint8 (2, …)."""
    return np.ascontiguousarray(np.stack([planes[1], planes[0]], axis=-1)).view("<f2")[..., 0]
