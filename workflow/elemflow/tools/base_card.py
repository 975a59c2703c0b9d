"""Write the card and the known values of a base again, from the joint table that it was trained on; weights stay.

    python -m elemflow.tools.base_card resources/models/elemflow_base.elemflow results/bases/elemflow

Errors and calibration are computed of the predictions for the held-out compositions, as the rule `write_base` does. The
folder has the joint table and its feature files.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from elemflow.base.build import evaluate, known_values, measured, write_with_card
from elemflow.base.card import CARD, CARD_JSON
from elemflow.config.kinds import parts_of
from elemflow.core.archive import read_members
from elemflow.core.errors import DataError
from elemflow.multitask.file import read_base
from elemflow.multitask.job import rows_of
from elemflow.multitask.joint import HELD_OUT, TRAIN, read_joint
from elemflow.multitask.seen import Seen

TEXTS = ("LICENSE", "references.bib")
"""Further members that stay."""


def rewrite(path: Path, folder: Path, *, known: bool) -> str:
    """Write a base again with a new card, and return the card as Markdown.

    Args:
        path: The base; replaced.
        folder: Folder with its joint table and feature files.
        known: Whether the file holds the known values.

    Raises:
        DataError: The base was trained on another table.
    """
    file, joint = read_base(path), folder / "joint.parquet"
    train = read_joint(joint, TRAIN)
    if Seen.of(train.composition.tolist(), train.targets == train.targets).pack() != file.seen.pack():
        raise DataError(f"{joint}: not the table that {path} was trained on. Build that one, or train the base again.")
    features = [folder / f"{part}.parquet" for part in parts_of(file.facts.representation)]
    held, x = rows_of(joint, features, HELD_OUT)
    errors, calibration = evaluate(file, held, *file.predict(x))
    file = replace(file, calibration=calibration, known_values=known_values(file, train, held) if known else b"")
    _, members = read_members(path, everything=True)
    card: Mapping[str, Any] = json.loads(members[CARD_JSON])
    texts = {name: members[name].decode() for name in TEXTS if name in members}
    return write_with_card(path, file, {**card, **measured(file, errors)}, texts)


def main(arguments: list[str] | None = None) -> None:
    """Write the file, and its card next to the joint table."""
    parser = argparse.ArgumentParser(prog="python -m elemflow.tools.base_card", description=__doc__.splitlines()[0])
    parser.add_argument("base", type=Path, help="file of the base")
    parser.add_argument("folder", type=Path, help="folder with joint.parquet and the feature files")
    parser.add_argument("--without-known", action="store_true", help="leave the known values out")
    given = parser.parse_args(arguments)
    text = rewrite(given.base, given.folder, known=not given.without_known)
    (given.folder / CARD).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
