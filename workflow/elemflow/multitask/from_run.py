"""What fine-tuning starts from: a base, or the dense networks of a trained run in the form of a base with one head.

A network of a run is one of `elemflow.multitask.network` if it has a shortcut around every layer. Dropout is left out,
and batch normalisation after a Dense becomes part of it: both compute what the stored network predicts.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from elemflow.chemistry.composition import SYMBOLS
from elemflow.config.base import NetworkShape, Stack
from elemflow.config.dataset import Property
from elemflow.config.kinds import parts_of
from elemflow.config.model import Model, NetworkModel, read_model
from elemflow.core.archive import read_members
from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file
from elemflow.core.places import find
from elemflow.core.run import Run
from elemflow.features.scaling import Scaling, Target
from elemflow.features.store import load_descriptors
from elemflow.multitask.file import KIND, SEEN, BaseFacts, BaseFile, HeadFacts, open_base, read_base
from elemflow.multitask.network import HEADS, Weights, expected_shapes
from elemflow.multitask.seen import Seen
from elemflow.multitask.train import Standard
from elemflow.networks.families.dense import Dense
from elemflow.networks.numpy_forward import read_arrays
from elemflow.networks.spec import LEAKY_SLOPE

Members = Mapping[str, bytes]
"""Content of the files of a run by their names in an exported file."""
CONFIG, ELEMENTS = "model/model.json", "applicability/elements.json"
ORDERS = (("dense", "activation"), ("dense", "batch_norm", "activation"))
"""Orders of a layer that the network here has, batch normalisation being part of the Dense before it."""


def read_start(path: Path) -> BaseFile:
    """Read a base, or an exported run as one.

    Raises:
        DataError: The file is damaged, or fine-tuning cannot start from it.
    """
    manifest, members = read_members(path, everything=True)
    return read_base(path) if manifest.get("kind") == KIND else base_of_run(members, path)


@cache
def open_start(file: str, sha256: str | None) -> BaseFile:
    """Read what fine-tuning starts from once per process.

    Raises:
        DataError: There is no such file, it has another SHA-256, or it is damaged or of other features.
    """
    path = find(file) if not Path(file).is_absolute() else Path(file)
    if not path.is_file() or read_members(path)[0].get("kind") == KIND:
        return open_base(file, sha256)
    if sha256 and sha256_file(path) != sha256:
        raise DataError(f"{path}: its SHA-256 is not the declared {sha256}. Get that file, or correct 'sha256'.")
    return read_start(path)


@dataclass(frozen=True)
class RunStart(BaseFile):
    """The networks of a run in the form of a base.

    Attributes:
        complete: Whether `seen` has all compositions that they were trained on; if not, another may have been one, too.
    """

    complete: bool = False


def knows_seen(base: BaseFile) -> bool:
    """Return whether a composition that is not in the list of a base was surely not seen."""
    return not isinstance(base, RunStart) or base.complete


def base_of_run(members: Members, where: Path) -> RunStart:
    """Return the networks of a run as a base that has its property as the only head.

    Networks whose features are scaled otherwise than those of the first are left out: a base has one scaling.

    Args:
        members: Files of the run.
        where: How messages call it.

    Raises:
        DataError: Fine-tuning cannot start from such a run.
    """
    if CONFIG not in members:
        raise DataError(f"{where}: holds no trained run. Give what `elemflow export` wrote, or the folder of a run.")
    try:
        config = json.loads(members[CONFIG])
        run, model = Run.of(config["run"]), read_model(config["model"])
        about = Property.model_validate(config["property"])
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{where}: its {CONFIG} cannot be read ({error!r}). Export the run again.") from error
    if reason := _unsupported(model, run.representation):
        raise DataError(
            f"{where}: fine-tuning cannot start from this run, {reason}. It starts from networks of the family dense "
            "with a shortcut around every layer, ReLU or leaky ReLU, on features of formulas. Train such a run (model "
            "brnet_damped, representation ef+pa), or leave this one out to start from the base that ships."
        )
    assert isinstance(model, NetworkModel)  # noqa: S101  checked above
    assert isinstance(model.spec, Dense)  # noqa: S101
    numbers = _alike(members)
    try:
        weights, shape = _networks(members, numbers, model.spec)
    except (KeyError, IndexError, ValueError, OSError, BadZipFile) as error:
        raise DataError(f"{where}: a network cannot be read ({error!r}). Export the run again.") from error
    modules = [load_descriptors(part) for part in parts_of(run.representation)]
    facts = BaseFacts(
        name=run.path, title=f"{run.property} of {run.dataset}", representation=run.representation,
        feature_versions={p: m.VERSION for p, m in zip(parts_of(run.representation), modules, strict=True)},
        network=shape, networks=len(weights), heads=(_head(run, about),),
    )  # fmt: skip
    n_inputs = sum(len(module.LABELS) for module in modules)
    expected = expected_shapes(shape, n_inputs, 1)
    if any({name: value.shape for name, value in each.items()} != expected for each in weights):
        raise DataError(
            f"{where}: its networks do not read the {n_inputs} features that this elemflow computes for "
            f"'{run.representation}'. Train the run again with this version."
        )
    scaling = _scaling(members, numbers[0]) or _identity(n_inputs)
    target = Target(**json.loads(members.get(_file(numbers[0], "target.json"), b"{}")))
    seen = Seen.unpack(members[SEEN]) if SEEN in members else Seen.of_all([])
    standard = Standard(np.array([target.center]), np.array([target.scale]), np.array([len(seen)]))
    # Features that are outputs of a base know the compositions that it was trained on, too.
    complete = SEEN in members and not any(hasattr(module, "TRUNK") for module in modules)
    return RunStart(facts, weights, scaling, standard, _elements(members), seen, complete=complete)


def _unsupported(model: Model, representation: str) -> str:
    """Return why fine-tuning cannot start from a run; empty if it can."""
    if not isinstance(model, NetworkModel):
        return f"whose model is of the kind '{model.kind}' and no network of its own"
    spec = model.spec
    if not isinstance(spec, Dense):
        return f"whose network is of the family '{spec.name}'"
    slope = _slope(spec)
    for reason, wrong in (
        (f"whose network has `shortcut: {spec.shortcut}`", spec.shortcut != "layer"),
        (f"whose layers have the order {', '.join(spec.order)}", spec.order not in ORDERS),
        (f"whose activation is {spec.activation.name}", slope is None or not 0 <= slope < 1),
        (f"whose branches are joined by `merge: {spec.merge}`", spec.merge != "sum"),
    ):
        if wrong:
            return reason
    structural = [p for p in parts_of(representation) if getattr(load_descriptors(p), "NEEDS_STRUCTURE", False)]
    return f"which reads crystal structures ({structural[0]})" if structural else ""


def _slope(spec: Dense) -> float | None:
    """Return the slope of the activation below 0; None if it is no leaky ReLU."""
    slope = spec.activation.negative_slope
    return {"relu": 0.0, "leaky_relu": LEAKY_SLOPE if slope is None else slope}.get(spec.activation.name)


def _head(run: Run, about: Property) -> HeadFacts:
    title = f"{about.title or run.property} ({run.dataset})"
    known: dict[str, Any] = {"unit": about.unit, "minimum": about.minimum, "group": run.property}
    return HeadFacts(id=run.property, title=title, dataset=run.dataset, property=run.property, **known)


def _file(number: int, suffix: str) -> str:
    return f"model/member-{number}.{suffix}"


def _alike(members: Members) -> list[int]:
    """Return the numbers of the networks whose features are scaled as those of the first."""
    stems = (Path(name).name for name in members if name.startswith("model/member-") and name.endswith(".keras"))
    numbers = sorted(int(stem.removeprefix("member-").removesuffix(".keras")) for stem in stems)
    first = _scaling(members, numbers[0]) if numbers else None
    return [number for number in numbers if _equal(_scaling(members, number), first)]


def _scaling(members: Members, number: int) -> Scaling | None:
    content = members.get(_file(number, "scaling.npz"))
    if content is None:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return Scaling(**stored)


def _equal(one: Scaling | None, other: Scaling | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(np.array_equal(value, vars(other)[name]) for name, value in vars(one).items())


def _identity(columns: int) -> Scaling:
    return Scaling(np.zeros(columns, int), np.zeros(columns), np.ones(columns), np.empty((1, 0), np.float32))


def _networks(members: Members, numbers: list[int], spec: Dense) -> tuple[list[Weights], NetworkShape]:
    """Return the weights of some networks, and their shape, whose widths are those of the stored kernels."""
    epsilon = spec.batch_norm.epsilon if spec.batch_norm else 0.0
    weights = [dict(_plain(read_arrays(members[_file(number, "keras")]), epsilon)) for number in numbers]
    stacks = []
    for number, stack in enumerate(spec.stacks, start=1):
        first = f"stack{number}_branch1" if stack.branches else f"stack{number}"
        width = len(weights[0][f"{first}_layer1_dense/bias"])
        stacks.append(Stack(width=width, layers=stack.layers, branches=stack.branches))
    slope, scale = _slope(spec), spec.initialization.kernel_scale
    return weights, NetworkShape(stacks=tuple(stacks), negative_slope=slope or 0.0, kernel_scale=scale)


def _plain(arrays: Mapping[str, list[np.ndarray]], epsilon: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the weights of the Dense layers of a stored network, with the batch normalisation that follows one."""
    for layer, values in arrays.items():
        if not (layer == HEADS or layer.endswith(("_dense", "_projection"))):
            continue
        kernel, bias = values
        if norm := arrays.get(f"{layer.removesuffix('_dense')}_batch_norm"):
            gamma, beta, mean, variance = norm
            factor = gamma / np.sqrt(variance + np.float32(epsilon))
            kernel, bias = kernel * factor, (bias - mean) * factor + beta
        yield f"{layer}/kernel", kernel.astype(np.float32)
        yield f"{layer}/bias", bias.astype(np.float32)


def _elements(members: Members) -> np.ndarray:
    """Return the elements that the run knows; one of each where its file does not say (1, elements)."""
    if ELEMENTS not in members:
        return np.ones((1, len(SYMBOLS)), np.uint8)
    known = set(json.loads(members[ELEMENTS]))
    return np.array([[255 * (symbol in known) for symbol in SYMBOLS]], np.uint8)
