"""Runs that are smaller than their protocol declares: caps laid over all protocols, and what was capped."""

import math
from copy import deepcopy

from elemflow.config.protocol import Protocol, Training
from elemflow.core.declared import Declared
from elemflow.splits.schemes.base import SplitScheme


class Scale(Declared):
    """Caps over every protocol; None where nothing is capped."""

    max_materials: int | None = None
    max_epochs: int | None = None
    members: int | None = None


def cap(protocol: Protocol, scale: Scale, where: str) -> Protocol:
    """Return a protocol whose trainings are at most as large as `scale` says; see `SplitScheme.caps`.

    Args:
        protocol: The protocol.
        scale: The caps.
        where: How messages call the file of the protocol.

    Raises:
        ConfigError: With the caps the keys of the protocol do not fit each other; names file and key.
    """
    if scale == Scale():
        return protocol
    written = deepcopy(protocol.written)
    written["split"] |= protocol.split.caps(scale.max_materials, scale.members, ensemble=protocol.ensemble is not None)
    training = written.get("training", {})
    for settings in (training, *training.get("by_training_size", ())):
        if scale.max_epochs is not None and "max_epochs" in settings:
            settings["max_epochs"] = min(settings["max_epochs"], scale.max_epochs)
    return Protocol.read(written, f"{where} (with scale)") if written != protocol.written else protocol


def reductions(declared: Protocol, used: Protocol) -> list[str]:
    """Say in words where a protocol is smaller than the file that declares it; empty at full scale."""
    before, after = _size_of(declared), _size_of(used)
    shown = []
    for key, word in (("max_materials", "material"), ("max_epochs", "epoch"), ("members", "member")):
        ours, theirs = after[key], before[key]
        if ours is not None and ours < (theirs or math.inf):
            shown.append(f"at most {ours:,} {word}{'s' * (ours > 1)}" + (f" of {theirs:,}" if theirs else ""))
    if not any("epoch" in text for text in shown):
        shown += _fewer_epochs(declared.training, used.training)
    rows, all_rows = (each.split.reductions.train_rows or math.inf for each in (used, declared))
    if rows < all_rows and not any("material" in text for text in shown):
        shown.append(f"at most {rows:,} training materials")
    return shown + _smaller_share(declared.split, used.split) + _held_out(declared.split, used.split)


def _size_of(protocol: Protocol) -> dict[str, int | None]:
    """Return what bounds the runs of a protocol; None where nothing does."""
    return {
        "max_materials": protocol.split.reductions.max_materials,
        "max_epochs": protocol.training.max_epochs if protocol.training else None,
        "members": protocol.split.n_trainings,
    }


def _smaller_share(declared: SplitScheme, used: SplitScheme) -> list[str]:
    """Say where a split leaves less of the materials to the training set."""
    if declared.shares is None or used.shares is None:
        return []
    ours, theirs = (round(100 * shares.train, 1) for shares in (used.shares, declared.shares))  # per cent
    return [f"trains on {ours:g} % of the materials instead of {theirs:g} %"] if ours < theirs else []


def _held_out(declared: SplitScheme, used: SplitScheme) -> list[str]:
    """Say where materials with an element are taken out of the training set that the declared split leaves in."""
    held, before = used.reductions.hold_out, declared.reductions.hold_out
    if held is None:
        return []
    theirs = declared.shares.train if declared.shares else 1
    if before and before.element == held.element:
        theirs = before.train_fraction
    if held.train_fraction >= theirs:
        return []
    return [f"trains on {100 * held.train_fraction:g} % of the materials with {held.element}"]


def _fewer_epochs(declared: Training | None, used: Training | None) -> list[str]:
    """Say where a training is shorter for some number of rows; its epochs may follow from them (`by_training_size`)."""
    if declared is None or used is None:
        return []
    entries = (*declared.by_training_size, *used.by_training_size)
    for rows in sorted({0, *(entry.above + 1 for entry in entries)}):
        ours, theirs = (training.for_size(rows).max_epochs for training in (used, declared))
        if ours < theirs:
            return [f"at most {ours:,} epochs of {theirs:,} from {rows:,} training rows on"]
    return []
