"""Values of others in the settings of stability, from `resources/published/published_stability.csv`."""

import csv
from pathlib import Path

from elemflow.config.load import Settings
from elemflow.core.errors import ConfigError
from elemflow.plan.build import Plan
from elemflow.plan.items import Peer, PlannedFigure, PlannedTable

_NAMES = ("setting", "model", "note")
SCHEME = "k_fold"
"""Split scheme of runs that others' values stand next to: theirs are of random folds too."""
KINDS = "stability"
"""What the names of the kinds of tables and figures begin with that show them."""


def read_peers(path: Path) -> dict[str, list[Peer]]:
    """Return the values of others by setting, in the order of the file.

    Raises:
        ConfigError: A value is no number.
    """
    found: dict[str, list[Peer]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for number, line in enumerate(csv.DictReader(stream), start=2):
            try:
                values = {name: float(text) for name, text in line.items() if name not in _NAMES and text}
            except ValueError as error:
                raise ConfigError(f"{path}, line {number}: {error}. Correct the value, or leave it empty.") from None
            found.setdefault(line["setting"], []).append(
                Peer(model=line["model"], note=line["note"] or "", values=values)
            )
    return found


def add_peers(plan: Plan, settings: Settings, path: Path) -> None:
    """Set the values of others in the tables and figures of stability on random folds, for the setting of their cells.

    Args:
        plan: The plan, whose items are replaced.
        settings: Checked settings.
        path: File of the values.
    """
    shown: list[PlannedTable | PlannedFigure] = [
        item
        for item in plan.items
        if item.kind.startswith(KINDS) and all(settings.protocol(name).split.name == SCHEME for name in item.protocols)
    ]
    if not shown:
        return
    peers = read_peers(path)
    for item in shown:
        named = dict.fromkeys(cell.setting for cell in item.planned)
        values = {"peers": [peer for setting in named for peer in peers.get(setting, [])]}
        if isinstance(item, PlannedTable):
            plan.tables[item.study, item.table] = item.model_copy(update=values)
        else:
            plan.figures[item.study, item.figure] = item.model_copy(update=values)
