"""What the networks of a base make of compositions, as features for other models.

A base was trained on more compositions than most sets have, some of a test set among them: `seen_facts` counts those.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from elemflow.core.errors import DataError
from elemflow.core.places import find
from elemflow.multitask.file import ABOUT, BaseFacts, BaseFile, open_base
from elemflow.multitask.network import HEADS, embed

BATCH_ROWS = 4_096
STEPS = 4_096
"""Features are rounded to so many parts of 1, far above what the order of a sum changes: no size of a batch shows."""
CITATIONS = ("saal2013", "kirklin2015", "jain2013", "dunn2020", "choudhary2020", "ward2016", "ward2018")


class Trunk:
    """Features by the networks of a base.

    Args:
        file: The base, a path below the folder of the project.
        sha256: SHA-256 that it must have.

    Attributes:
        citations: BibTeX keys of what the networks were trained on.
    """

    def __init__(self, file: str, sha256: str):
        self._file, self._sha256, self.citations = file, sha256, CITATIONS

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the features: a prediction per head, then the outputs of the trunk.

        Raises:
            DataError: There is no such file, or it is damaged.
        """
        path = find(self._file)
        try:
            with ZipFile(path) as archive:
                facts = BaseFacts.model_validate(json.loads(archive.read(ABOUT)))
        except (OSError, KeyError, ValueError, BadZipFile) as error:
            raise DataError(f"{path}: no base can be read here ({error}). Get the file again.") from error
        heads = [f"base {head.id}" for head in facts.heads]
        return (*heads, *(f"base trunk {number}" for number in range(1, facts.network.stacks[-1].width + 1)))

    @property
    def base(self) -> BaseFile:
        """The base, after a check of its SHA-256."""
        return open_base(self._file, self._sha256)

    def featurize(self, compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
        """Return the features of canonical compositions.

        Returns:
            Float32 array (compositions, labels): the standardised predictions of the heads, mean over the networks, and
            the outputs of the first network's trunk; and the reason by row where an input of the base has none.
        """
        base, blocks, reasons = self.base, [], dict[int, str]()
        for part in base.parts():
            block, lost = part.featurize(compositions)
            blocks.append(block)
            reasons |= lost
        x = base.scaling.apply(np.concatenate(blocks, axis=1)).astype(np.float64)
        batches = [self._features(base, x[first : first + BATCH_ROWS]) for first in range(0, len(x), BATCH_ROWS)]
        return np.concatenate([np.empty((0, len(self.labels)), np.float32), *batches]), reasons

    @cached_property
    def _weights(self) -> list[dict[str, np.ndarray]]:
        return [{name: np.asarray(value, np.float64) for name, value in each.items()} for each in self.base.weights]

    def _features(self, base: BaseFile, x: np.ndarray) -> np.ndarray:
        trunks = [embed(weights, x, base.facts.network) for weights in self._weights]
        outputs = [
            trunk @ weights[f"{HEADS}/kernel"] + weights[f"{HEADS}/bias"]
            for trunk, weights in zip(trunks, self._weights, strict=True)
        ]
        found = np.concatenate([np.mean(outputs, axis=0), trunks[0]], axis=1)
        return (np.rint(found * STEPS) / STEPS).astype(np.float32)


def seen_facts(base: BaseFile, compositions: Sequence[str], errors: np.ndarray) -> dict[str, Any]:
    """Return on how many test materials a base was pre-trained, under which heads, and the error on both parts.

    Args:
        base: The base.
        compositions: Canonical compositions of the test materials.
        errors: Their absolute errors (materials,).
    """
    masks = base.seen.masks(compositions)
    seen = masks > 0
    bits = [np.left_shift(np.uint64(1), np.uint64(place)) for place in range(len(base.heads))]
    heads = {name: int(np.sum(masks & bit > 0)) for name, bit in zip(base.heads, bits, strict=True)}
    parts = {"seen": seen, "unseen": ~seen}
    found: dict[str, Any] = {f"test_{name}": int(mask.sum()) for name, mask in parts.items()}
    found |= {f"test_error_{name}": float(errors[mask].mean()) if mask.any() else None for name, mask in parts.items()}
    return found | {"test_seen_under": {name: count for name, count in heads.items() if count}}
