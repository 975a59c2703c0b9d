"""One file with the networks of a base, or of what was fine-tuned from one: everything that predicts, in float16.

It is an archive of `elemflow.core.archive`, so a changed or damaged member is refused. Weights are read into float32,
in which they compute.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

import numpy as np

from elemflow.config.base import NetworkShape, Transform
from elemflow.config.kinds import parts_of
from elemflow.core.archive import read_members, write_archive
from elemflow.core.declared import Declared
from elemflow.core.errors import DataError, TrainingError
from elemflow.core.files import sha256_file, write_json
from elemflow.core.places import find
from elemflow.features.scaling import Scaling
from elemflow.features.store import load_descriptors
from elemflow.multitask.halves import join_bytes, pack_halves, split_bytes, unpack_halves
from elemflow.multitask.known import Known
from elemflow.multitask.network import Weights, expected_shapes, predict, with_heads
from elemflow.multitask.seen import Seen
from elemflow.multitask.train import Standard

KIND = "base"
"""What the manifest says of the content; files of runs have no such word."""
ABOUT, ARRAYS, SEEN, KNOWN = "base.json", "arrays.npz", "seen.bin", "known.npz"
LARGEST_HALF = float(np.finfo(np.float16).max)


class HeadFacts(Declared):
    """What a head predicts.

    Attributes:
        id: Its id.
        title: Property and source in words.
        group: Kind of property.
        unit: Unit of the values.
        minimum: Lowest value.
        transform: What is learned of a value.
        dataset: Dataset of the values.
        property: Property there.
    """

    id: str
    title: str
    group: str
    unit: str
    minimum: float | None = None
    transform: Transform = "none"
    dataset: str = ""
    property: str = ""


class BaseFacts(Declared):
    """Content of `base.json`.

    Attributes:
        name: Id of the base.
        title: What it is.
        representation: Parts of the inputs.
        feature_versions: Version of each part.
        network: Shape of the trunk.
        heads: What the heads predict, in order.
        networks: Number of networks.
        held_out: Fraction of the compositions that were held out.
    """

    name: str
    title: str
    representation: str
    feature_versions: dict[str, str]
    network: NetworkShape
    heads: tuple[HeadFacts, ...]
    networks: int
    held_out: float = 0.0


@dataclass(frozen=True)
class BaseFile:
    """The networks of a base and what their outputs mean.

    Attributes:
        facts: What they are.
        weights: Weights of each network, float32.
        scaling: Scaling of the inputs.
        standard: Standardisation of the targets.
        calibration: Absolute errors, spreads and predictions of held-out rows by head, as targets are transformed, each
            (3, rows).
        elements: Number of training compositions of each element with a label of a head, at most 255; uint8
            (heads, elements), elements by atomic number.
        seen: Training compositions, with the heads that had a label.
        known_values: What `elemflow.multitask.known.pack_known` packed; empty if the file has no known values.
    """

    facts: BaseFacts
    weights: Sequence[Weights]
    scaling: Scaling
    standard: Standard
    elements: np.ndarray
    seen: Seen
    calibration: Mapping[str, np.ndarray] = field(default_factory=dict)
    known_values: bytes = b""

    @cached_property
    def known(self) -> Known | None:
        """Values that the sources have, None if the file has none.

        Raises:
            DataError: They are not as they are written, or belong to another base.
        """
        if not self.known_values:
            return None
        try:
            return Known.read(self.known_values, self.seen, self.heads)
        except (KeyError, ValueError, OSError, BadZipFile) as error:
            raise DataError(
                f"the known values of the base '{self.facts.name}' cannot be read ({error}). Get its file again, or "
                "predict with --no-known."
            ) from error

    @cached_property
    def heads(self) -> list[str]:
        """Ids of the heads."""
        return [head.id for head in self.facts.heads]

    def parts(self) -> list[Any]:
        """Return the modules of the parts of the representation.

        Raises:
            DataError: A part has another version than the one that the networks were trained with.
        """
        modules = [load_descriptors(part) for part in parts_of(self.facts.representation)]
        for part, module in zip(parts_of(self.facts.representation), modules, strict=True):
            known = self.facts.feature_versions.get(part)
            if known != module.VERSION:
                raise DataError(
                    f"the base '{self.facts.name}' reads version {known} of the features '{part}', and this elemflow "
                    f"computes version {module.VERSION}. Use a base of this version, or the elemflow that wrote it."
                )
        return modules

    def predict(self, x: np.ndarray, heads: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets of unscaled features: mean over the networks and their spread, each (rows, heads).

        Args:
            x: Features (rows, features).
            heads: Numbers of the heads; None for all.

        Returns:
            As the targets are transformed, float64; the spread is NaN for one network.
        """
        chosen = list(range(len(self.heads))) if heads is None else list(heads)
        scaled = self.scaling.apply(x)
        found = [predict(with_heads(weights, chosen), scaled, self.facts.network) for weights in self.weights]
        targets = np.stack(found).astype(np.float64) * self.standard.scale[chosen] + self.standard.center[chosen]
        spread = np.std(targets, axis=0, ddof=1) if len(found) > 1 else np.full(targets.shape[1:], np.nan)
        return targets.mean(axis=0), spread


def write_base(path: Path, base: BaseFile, texts: Mapping[str, str]) -> str:
    """Write a base; equal ones give equal bytes.

    Args:
        path: File to write.
        base: Its content.
        texts: Further members by name, such as the model card.

    Returns:
        The SHA-256 of the file.

    Raises:
        TrainingError: A weight is too large for float16.
    """
    arrays: dict[str, Any] = {f"scaling:{name}": value for name, value in vars(base.scaling).items()}
    arrays |= {f"standard:{name}": value for name, value in base.standard._asdict().items()}
    arrays |= {f"calibration:{name}": split_bytes(value) for name, value in _in_spreads(base).items()}
    arrays["elements"] = base.elements
    with TemporaryDirectory(prefix="elemflow-") as name:
        folder = Path(name)
        write_json(folder / ABOUT, base.facts.plain())
        with (folder / ARRAYS).open("wb") as stream:
            np.savez_compressed(stream, **arrays)
        for number, weights in enumerate(base.weights):
            halves = [halved(key, weights[key]) for key in _shapes(base.facts)]
            (folder / f"network-{number}.bin").write_bytes(pack_halves(halves))
        (folder / SEEN).write_bytes(base.seen.pack())
        if base.known_values:
            (folder / KNOWN).write_bytes(base.known_values)
        for member, text in texts.items():
            (folder / member).write_text(text, encoding="utf-8", newline="\n")
        return write_archive(path, folder, {"kind": KIND, "name": base.facts.name})


def _in_spreads(base: BaseFile) -> dict[str, np.ndarray]:
    """Return the calibration in standard deviations of the targets, in which float16 is exact enough (3, rows)."""
    found = {}
    for name, rows in base.calibration.items():
        place = base.heads.index(name)
        scaled = (rows - _offsets(base.standard, place)) / base.standard.scale[place]
        found[name] = np.clip(scaled, -LARGEST_HALF, LARGEST_HALF)
    return found


def _offsets(standard: Standard, place: int) -> np.ndarray:
    """Return what is 0 of errors, spreads and predictions of a head (3, 1)."""
    return np.array([[0.0], [0.0], [standard.center[place]]])


def halved(name: str, values: np.ndarray) -> np.ndarray:
    """Return weights as float16.

    Raises:
        TrainingError: One is not finite, or too large.
    """
    if not np.isfinite(values).all() or float(np.abs(values).max(initial=0)) > LARGEST_HALF:
        raise TrainingError(
            f"the weights '{name}' reach {np.abs(values).max():g}, beyond the {LARGEST_HALF:g} of float16. Train with "
            "a lower learning rate or more weight decay."
        )
    return values.astype(np.float16)


def read_base(path: Path) -> BaseFile:
    """Read a base, after a check of every member.

    Raises:
        DataError: The file is damaged, changed, or holds no base.
    """
    manifest, members = read_members(path, everything=True)
    if manifest.get("kind") != KIND:
        raise DataError(f"{path}: holds a trained run and no base. Predict with it: elemflow predict --model {path} …")
    try:
        facts = BaseFacts.model_validate(json.loads(members[ABOUT]))
        groups: dict[str, dict[str, np.ndarray]] = {"scaling": {}, "standard": {}, "calibration": {}}
        with np.load(io.BytesIO(members[ARRAYS]), allow_pickle=False) as stored:
            elements = stored["elements"]
            for key in stored.files:
                if ":" in key:
                    group, name = key.split(":", 1)
                    groups[group][name] = stored[key]
        weights = [_weights(members[f"network-{number}.bin"], facts, path) for number in range(facts.networks)]
        standard = Standard(**groups["standard"])
        places = {head.id: place for place, head in enumerate(facts.heads)}
        calibration = {
            name: join_bytes(planes) * standard.scale[places[name]] + _offsets(standard, places[name])
            for name, planes in groups["calibration"].items()
        }
        return BaseFile(
            facts, weights, Scaling(**groups["scaling"]), standard, elements, Seen.unpack(members[SEEN]), calibration,
            members.get(KNOWN, b""),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise DataError(f"{path}: a member is not as elemflow writes it ({error!r}). Get the file again.") from error


@cache
def open_base(file: str, sha256: str | None) -> BaseFile:
    """Read a base once per process.

    Raises:
        DataError: There is no such file, it has another SHA-256, or it is damaged or of other features.
    """
    path = find(file) if not Path(file).is_absolute() else Path(file)
    if not path.is_file():
        raise DataError(f"{path}: no such base. Build it, or name another one in the model's key 'file'.")
    if sha256 and (found := sha256_file(path)) != sha256:
        raise DataError(
            f"{path}: its SHA-256 is {found}, and the model declares {sha256}. Get that file, or correct 'sha256'."
        )
    base = read_base(path)
    base.parts()
    return base


def _shapes(facts: BaseFacts) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of weights, in the order in which a file has them."""
    n_inputs = sum(len(load_descriptors(part).LABELS) for part in parts_of(facts.representation))
    return expected_shapes(facts.network, n_inputs, len(facts.heads))


def _weights(content: bytes, facts: BaseFacts, path: Path) -> Weights:
    values, shapes = unpack_halves(content).astype(np.float32), _shapes(facts)
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    if len(values) != ends[-1]:
        raise DataError(f"{path}: the weights are not those of the network that {ABOUT} describes. Get the file again.")
    parts = zip(shapes.items(), np.split(values, ends[:-1]), strict=True)
    return {name: part.reshape(shape) for (name, shape), part in parts}
