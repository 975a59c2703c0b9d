"""Runs that are smaller than their protocol declares: caps laid over all protocols, and what was capped."""

import json
import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from elemflow.config.pretraining import SCHEME

SAMPLED = ("fractions", "k_fold", "k_fold_validation")  # schemes of a split that may draw a sample of the materials
REPEATED = ("members", "members_per_fold", "repeats")  # keys of a split whose trainings differ by seed or shuffle alone
TEST_KEYS = (
    "scheme",
    "seed",
    "test",
    "folds",
    "repeats",
    "rows",
    "column",
    "path",
    "roles",
    "max_materials",
    "hold_out",
)
"""Keys of a split that decide which materials are tested; how many splits it has is added to them."""
ENSEMBLE = 2  # fewest members of one


def cap(protocol: Mapping[str, Any], scale: Mapping[str, int]) -> dict[str, Any]:
    """Return a protocol whose trainings are at most as large as `scale` says.

    Folds stay, since they are the split, and so do predefined splits; an ensemble keeps two members.

    Args:
        protocol: A protocol with its defaults.
        scale: Any of `max_materials`, `max_epochs` and `members`.
    """
    capped = deepcopy(dict(protocol))
    split, training = capped["split"], capped.get("training", {})
    if "max_epochs" in scale:
        for settings in (training, *training.get("by_training_size", ())):
            if "max_epochs" in settings:
                settings["max_epochs"] = min(settings["max_epochs"], scale["max_epochs"])
    if "max_materials" in scale and split["scheme"] in SAMPLED:
        split["max_materials"] = min(split.get("max_materials", math.inf), scale["max_materials"])
        if "train_rows" in split:
            split["train_rows"] = min(split["train_rows"], _train_rows(split))
    for key in REPEATED:
        if "members" in scale and key in split:
            fewest = ENSEMBLE if "ensemble" in protocol and key != "repeats" else 1
            split[key] = min(split[key], max(scale["members"], fewest))
    return capped


def _train_rows(split: Mapping[str, Any]) -> int:
    """Return training materials that a split of `max_materials` has in any case; shares are rounded."""
    return max(1, math.floor(shares_of(split)["train"] * split["max_materials"]) - 2)


def shares_of(split: Mapping[str, Any]) -> dict[str, float]:
    """Return the shares of the materials that train, validate and test a member; empty if a list or column says.

    What is held out of a split, and what a pre-training run leaves to its target, depends on the materials and is not
    taken off.
    """
    scheme, validation, fold = split["scheme"], split.get("validation", 0), 1 / split.get("folds", 1)
    if scheme in ("fractions", SCHEME):
        return {"train": split["train"], "validation": validation, "test": split["test"]}
    if scheme == "k_fold_validation":
        rest = 1 - split["test"]
        return {"train": rest * (1 - fold), "validation": rest * fold, "test": split["test"]}
    if scheme in ("k_fold", "k_fold_rows"):
        rest = 1 - fold
        return {"train": rest * (1 - validation), "validation": rest * validation, "test": fold}
    return {}


def size_of(protocol: Mapping[str, Any]) -> dict[str, int | None]:
    """Return what bounds the runs of a protocol: `max_materials`, `max_epochs`, `members`; None where nothing does."""
    split = protocol.get("split", {})
    return {
        "max_materials": split.get("max_materials"),
        "max_epochs": protocol.get("training", {}).get("max_epochs"),
        "members": math.prod(split.get(key) or 1 for key in (*REPEATED, "splits", "folds")),
    }


def set_of_train_rows(protocol: Mapping[str, Any]) -> int | None:
    """Return of how many materials the `train_rows` of a protocol are the training share; None without them."""
    split = protocol.get("split", {})
    share = shares_of(split).get("train") if split.get("train_rows") else None
    return round(split["train_rows"] / share) if share else None


def count_drawn_tests(protocol: Mapping[str, Any]) -> int | None:
    """Return how many test sets a protocol draws at random among all materials.

    None where chance does not choose them: folds test every material, predefined splits are those of others, a
    held-out element chooses what is tested, and the member that is best on its test set was not chosen by chance.
    Folds within what a common test set leaves (`k_fold_validation`) are all evaluated on that one set.
    """
    split = protocol.get("split", {})
    if "hold_out" in split or protocol.get("report") == "best_on_test":
        return None
    if split.get("scheme") == "k_fold_validation":
        return 1
    if split.get("scheme") != "fractions":
        return None
    return int(split["members"] if split["split_per_member"] else split.get("splits", 1))


def name_tests(protocol: Mapping[str, Any]) -> str:
    """Return a name of the test sets of a protocol, the same for all protocols that test the same materials."""
    split = protocol.get("split", {})
    parts = {key: split[key] for key in TEST_KEYS if split.get(key) is not None}
    if split.get("scheme") == "fractions":
        parts["splits"] = split["members"] if split["split_per_member"] else split.get("splits", 1)
    elif split.get("scheme") == "k_fold_validation":  # its test set is the first of `fractions`
        parts |= {"scheme": "fractions", "splits": 1}
        parts.pop("folds")
    return json.dumps(parts, sort_keys=True)


def reductions(declared: Mapping[str, Any], used: Mapping[str, Any]) -> list[str]:
    """Say in words where a protocol is smaller than the file that declares it; empty at full scale."""
    before, after = size_of(declared), size_of(used)
    shown = []
    for key, word in (("max_materials", "material"), ("max_epochs", "epoch"), ("members", "member")):
        ours, theirs = after[key], before[key]
        if ours is not None and ours < (theirs or math.inf):
            shown.append(f"at most {ours:,} {word}{'s' * (ours > 1)}" + (f" of {theirs:,}" if theirs else ""))
    if not any("epoch" in text for text in shown):
        shown += _fewer_epochs(declared.get("training", {}), used.get("training", {}))
    rows, all_rows = (protocol.get("split", {}).get("train_rows", math.inf) for protocol in (used, declared))
    if rows < all_rows and not any("material" in text for text in shown):
        shown.append(f"at most {rows:,} training materials")
    return shown + _smaller_share(declared["split"], used["split"]) + _held_out(declared["split"], used["split"])


def _smaller_share(declared: Mapping[str, Any], used: Mapping[str, Any]) -> list[str]:
    """Say where a split leaves less of the materials to the training set."""
    shares = [shares_of(split).get("train") for split in (used, declared)]
    ours, theirs = (None if share is None else round(100 * share, 1) for share in shares)  # per cent
    if ours is None or theirs is None or ours >= theirs:
        return []
    return [f"trains on {ours:g} % of the materials instead of {theirs:g} %"]


def _held_out(declared: Mapping[str, Any], used: Mapping[str, Any]) -> list[str]:
    """Say where materials with an element are taken out of the training set that the declared split leaves in."""
    held, before = used.get("hold_out"), declared.get("hold_out", {})
    if not held:
        return []
    theirs = (
        before["train_fraction"] if before.get("element") == held["element"] else shares_of(declared).get("train", 1)
    )
    if held["train_fraction"] >= theirs:
        return []
    return [f"trains on {100 * held['train_fraction']:g} % of the materials with {held['element']}"]


def _fewer_epochs(declared: Mapping[str, Any], used: Mapping[str, Any]) -> list[str]:
    """Say where a training is shorter for some number of rows; its epochs may follow from them (`by_training_size`)."""

    def epochs(training: Mapping[str, Any], rows: int) -> float:
        given = [training, *(entry for entry in training.get("by_training_size", ()) if rows > entry["above"])]
        return next((entry["max_epochs"] for entry in reversed(given) if "max_epochs" in entry), math.inf)

    bounds = {
        0,
        *(entry["above"] + 1 for training in (declared, used) for entry in training.get("by_training_size", ())),
    }
    for rows in sorted(bounds):
        ours, theirs = epochs(used, rows), epochs(declared, rows)
        if ours < theirs:
            return [f"at most {ours:,} epochs of {theirs:,} from {rows:,} training rows on"]
    return []
