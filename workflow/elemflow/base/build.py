"""From the networks of a base to the file that ships: errors, intervals, what was seen, model card."""

import json
import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from elemflow.base.card import CARD, CARD_JSON, card_text
from elemflow.base.intervals import MOST_ROWS, Calibrated, cross_coverage
from elemflow.base.predictor import FLAGS, count_elements, flags_of, spread_limit
from elemflow.chemistry.anion_classes import CLASSES, class_of
from elemflow.chemistry.composition import SYMBOLS, amounts
from elemflow.config.base import Base
from elemflow.config.kinds import parts_of
from elemflow.core.errors import DataError
from elemflow.core.files import write_text
from elemflow.evaluation.conformal import DEFAULT_LEVEL
from elemflow.features.store import load_descriptors
from elemflow.multitask.file import BaseFacts, BaseFile, HeadFacts, halved, write_base
from elemflow.multitask.job import Network, read_network, rows_of
from elemflow.multitask.joint import HELD_OUT, TRAIN, Joint, read_joint
from elemflow.multitask.known import pack_known
from elemflow.multitask.seen import Seen
from elemflow.multitask.transforms import from_target

Z_90 = 1.645
"""Standard errors of a two-sided interval of 90 %."""
ELEMENTS = {"1-2": (1, 3), "3": (3, 4), "4+": (4, 120)}
"""Numbers of elements for which the card has errors, each from the first up to below the second."""
MOST_CHECKED = 4_000
"""Held-out compositions on which float16 and float32 are compared."""

log = logging.getLogger(__name__)


class BaseInputs(NamedTuple):
    """Files that a base is written from.

    Attributes:
        joint: The joint table.
        features: Its feature files.
        networks: The trained networks.
    """

    joint: Path
    features: Sequence[Path]
    networks: Sequence[Path]


def build_base(
    name: str,
    base: Base,
    cfg: Mapping[str, Any],
    inputs: BaseInputs,
    output: Path,
    about: Mapping[str, Any],
    texts: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Write the file of a base and return its errors.

    Args:
        name: Id of the base.
        base: The declaration.
        cfg: `texts` of the datasets and `properties` of the heads, as the plan has them.
        inputs: Files that it is written from.
        output: The file; the card lies next to it.
        about: Commit, versions and SHA-256 of the inputs, for the card.
        texts: Further members of the file by name, such as what to cite.

    Raises:
        DataError: float16 changes predictions by more than a thousandth of a target's spread on average.
    """
    networks = [read_network(path) for path in inputs.networks]
    train = read_joint(inputs.joint, TRAIN)
    known = ~np.isnan(train.targets)
    facts = _facts(name, base, cfg, len(networks))
    plain = _file(facts, networks, train, known)
    held, x = rows_of(inputs.joint, inputs.features, HELD_OUT)
    halves = [{key: halved(key, value).astype(np.float32) for key, value in n.weights.items()} for n in networks]
    file = BaseFile(facts, halves, plain.scaling, plain.standard, plain.elements, plain.seen)
    float16 = _float16_change(plain, file, x)
    errors, calibration = evaluate(file, held, *file.predict(x))
    file = replace(file, calibration=calibration, known_values=known_values(file, train, held) if base.known else b"")
    card = {
        "name": name, "title": base.title, "networks": len(networks), "parameters": _parameters(networks[0]),
        "compositions": len(train.composition), "held_out": len(held.composition), "float16": float16,
        "labels": dict(zip(train.heads, known.sum(axis=0).tolist(), strict=True)),
        "datasets": {key: cfg["texts"][key] for key in base.datasets}, "left_out": base.left_out,
        "excluded": [each if isinstance(each, str) else each.plain() for each in base.exclude],
        "heads": {head.id: head.plain() for head in facts.heads}, **measured(file, errors), **about,
    }  # fmt: skip
    text = write_with_card(output, file, card, texts or {})
    write_text(output.parent / CARD, text)
    return errors


def known_values(file: BaseFile, train: Joint, held: Joint) -> bytes:
    """Return the values of a joint table as the file of a base has them."""
    training, held_out = ((each.composition.tolist(), each.targets) for each in (train, held))
    return pack_known(file.seen, training, held_out, [head.transform for head in file.facts.heads])


def measured(file: BaseFile, errors: pd.DataFrame) -> dict[str, Any]:
    """Return what the card says of the errors of a base and of the known values in its file."""
    steps = file.known.steps.tolist() if file.known else []
    lines = [_without_nan(line) for line in errors.to_dict("records")]
    return {"errors": lines, "known": dict(zip(file.heads, steps, strict=bool(steps)))}


def write_with_card(path: Path, file: BaseFile, card: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """Write the file of a base with its card, and return the card as Markdown."""
    text = card_text(card)
    sha256 = write_base(path, file, {**texts, CARD: text, CARD_JSON: _json(card)})
    log.info("%s: %.1f MB, SHA-256 %s", path, path.stat().st_size / 1e6, sha256)
    return text


def _without_nan(line: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return a line of the table with null in the place of NaN, which pandas makes of it."""
    return {str(key): None if isinstance(value, float) and np.isnan(value) else value for key, value in line.items()}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _facts(name: str, base: Base, cfg: Mapping[str, Any], networks: int) -> BaseFacts:
    heads = []
    for head_id, head in base.heads.items():
        of_property = cfg["properties"][head_id]
        minimum = 0.0 if head.transform == "log1p_abs" else of_property.get("minimum")
        known = {"id": head_id, "unit": of_property["unit"], "minimum": minimum}
        texts = {key: getattr(head, key) for key in ("title", "group", "transform", "dataset", "property")}
        heads.append(HeadFacts(**known, **texts))
    versions = {part: load_descriptors(part).VERSION for part in parts_of(base.representation)}
    return BaseFacts(
        name=name, title=base.title, representation=base.representation, feature_versions=versions,
        network=base.network, heads=tuple(heads), networks=networks, held_out=base.held_out,
    )  # fmt: skip


def _file(facts: BaseFacts, networks: Sequence[Network], train: Joint, known: np.ndarray) -> BaseFile:
    first, compositions = networks[0], train.composition.tolist()
    for other in networks[1:]:
        if not all(np.array_equal(a, b) for a, b in zip(first.standard, other.standard, strict=True)):
            raise DataError("the networks of the base were trained on different tables; train them again.")
    elements = count_elements(compositions, known, len(SYMBOLS))
    weights = [network.weights for network in networks]
    return BaseFile(facts, weights, first.scaling, first.standard, elements, Seen.of(compositions, known))


def _parameters(network: Network) -> int:
    return sum(int(value.size) for value in network.weights.values())


def _float16_change(plain: BaseFile, halves: BaseFile, x: np.ndarray) -> dict[str, float]:
    """Return mean and largest change of the outputs by float16, in standard deviations of the targets.

    Raises:
        DataError: The mean is above a thousandth.
    """
    rows = x[:MOST_CHECKED]
    change = np.abs(plain.predict(rows)[0] - halves.predict(rows)[0]) / plain.standard.scale
    found = {"mean": float(change.mean(axis=0).max()), "largest": float(change.max())}
    if found["mean"] > 1e-3:  # noqa: PLR2004  a thousandth of a spread
        raise DataError(f"float16 weights change a target by {found['mean']:.1e} of its spread on average, above 1e-3.")
    return found


def evaluate(
    file: BaseFile, held: Joint, targets: np.ndarray, spread: np.ndarray
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return the errors of the heads on held-out compositions, and the rows that intervals are calibrated on.

    Args:
        file: The base.
        held: The held-out rows.
        targets: Predicted targets (rows, heads).
        spread: Their spread over the networks (rows, heads).

    Returns:
        A line per head with its errors in the unit of the property, and the columns of
        `elemflow.base.intervals.Calibrated` by head, each (3, rows).
    """
    n_elements = np.array([len(amounts(name)) for name in held.composition])
    chemistry = np.array([class_of(name) for name in held.composition])
    limits = [spread_limit(spread[~np.isnan(held.targets[:, place]), place]) for place in range(len(file.heads))]
    flags = flags_of(held.composition.tolist(), file.elements, spread, np.array(limits))
    lines, calibration = [], {}
    for place, name in enumerate(file.heads):
        rows = np.flatnonzero(~np.isnan(held.targets[:, place]))
        truth, found = held.targets[rows, place].astype(np.float64), targets[rows, place]
        columns = np.stack([np.abs(truth - found), spread[rows, place], found])
        # Rows are in the order of their formulas; a fixed permutation makes any part of them a random one.
        order = np.random.default_rng(0).permutation(len(rows))
        calibration[name] = columns[:, order[:MOST_ROWS]].astype(np.float32)
        head = file.facts.heads[place]
        in_unit = (from_target(truth, head.transform), from_target(found, head.transform))
        errors = np.abs(in_unit[0] - in_unit[1])
        median = from_target(np.array([file.standard.center[place]]), head.transform)[0]
        lines.append(
            {"head": name, "rows": len(rows), "mae": _mean(errors), "mae_90": _interval(errors)}
            | {"dummy": _mean(np.abs(in_unit[0] - median)), "r2": _r2(truth, found), "mae_target": _mean(columns[0])}
            | _coverage(columns[:, order])
            | _by(
                errors,
                {
                    f"elements {key}": (n_elements[rows] >= a) & (n_elements[rows] < b)
                    for key, (a, b) in ELEMENTS.items()
                },
            )
            | _by(errors, {f"class {key}": chemistry[rows] == key for key in CLASSES})
            | _by(errors, {f"flag {key}": flags[rows, place] == number for number, key in enumerate(FLAGS)})
        )
    return pd.DataFrame(lines), calibration


def _mean(values: np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _interval(errors: np.ndarray) -> float | None:
    """Return the half-width of the 90 % interval of the mean error, from its standard error."""
    return float(Z_90 * np.std(errors, ddof=1) / np.sqrt(len(errors))) if len(errors) > 1 else None


def _r2(truth: np.ndarray, found: np.ndarray) -> float | None:
    total = np.sum((truth - truth.mean()) ** 2) if len(truth) > 1 else 0.0
    return float(1 - np.sum((truth - found) ** 2) / total) if total else None


def _coverage(rows: np.ndarray) -> dict[str, float | None]:
    found = cross_coverage(Calibrated(*rows), DEFAULT_LEVEL)
    return {"coverage_90": None if found is None else found[0]}


def _by(errors: np.ndarray, masks: Mapping[str, np.ndarray]) -> dict[str, float | None]:
    parts = {name: errors[mask] for name, mask in masks.items()}
    return (
        {f"mae, {name}": _mean(part) for name, part in parts.items()}
        | {f"mae_90, {name}": _interval(part) for name, part in parts.items()}
        | {f"rows, {name}": len(part) for name, part in parts.items()}
    )
