"""Values of others in the settings of stability, from `resources/published/published_stability.csv`."""

import csv
from pathlib import Path

from elemflow.core.errors import ConfigError
from elemflow.plan.build import Plan
from elemflow.plan.items import Peer, PlannedFigure, PlannedTable

_NAMES = ("setting", "model", "note")
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


def add_peers(plan: Plan, path: Path) -> None:
    """Set the values of others in all tables and figures of stability, for the setting of their cells."""
    shown: list[PlannedTable | PlannedFigure] = [item for item in plan.items if item.kind.startswith(KINDS)]
    if not shown:
        return
    peers = read_peers(path)
    for item in shown:
        settings = dict.fromkeys(cell.setting for cell in item.planned)
        values = {"peers": [peer for setting in settings for peer in peers.get(setting, [])]}
        if isinstance(item, PlannedTable):
            plan.tables[item.study, item.table] = item.model_copy(update=values)
        else:
            plan.figures[item.study, item.figure] = item.model_copy(update=values)
