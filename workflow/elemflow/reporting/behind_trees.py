"""Networks that err clearly more than trees in the same table: a remark in the table, a warning in the log.

Trees need neither scaling nor epochs. A network far behind them is rather set wrongly than unfit for the data.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import NormalDist

from elemflow.config.estimators import TREES
from elemflow.evaluation.equivalence import LEVEL, Sampling
from elemflow.plan.items import PlannedCell, PlannedTable
from elemflow.plan.published import MARGIN
from elemflow.reporting import text as words
from elemflow.reporting.results import Score, read_info, spread_of_one

log = logging.getLogger(__name__)

NETWORK, TREE = "network", "trees"


@dataclass(frozen=True)
class Finished:
    """A cell whose run has a result.

    Attributes:
        cell: The cell.
        metrics: Path of its `metrics.json`.
        score: Its error, or other metric.
    """

    cell: PlannedCell
    metrics: str | Path
    score: Score


def find_behind_trees(table: PlannedTable, finished: Iterable[Finished]) -> dict[str, str]:
    """Return a remark for each network that is clearly behind trees on the same test sets, by the path of its run.

    The best trees of the table on the same property of the same dataset count, of any representation. Clearly behind:
    the error is larger by more than `MARGIN` of theirs, and by more than the half-width of the interval of the
    difference, taking the two errors as independent; of R², 1 − R² counts as the error. A warning per network goes to
    the log.
    """
    groups: dict[tuple[str, str, str], dict[str, list[Finished]]] = {}
    for each in finished:
        if kind := _kind_of(each.metrics):
            key = (each.cell.dataset, each.cell.property, table.scales[each.cell.protocol].tests)
            groups.setdefault(key, {NETWORK: [], TREE: []})[kind].append(each)
    return dict(remark for group in groups.values() for remark in _compare(table, group[NETWORK], group[TREE]))


def _kind_of(metrics: str | Path) -> str | None:
    """Return whether a run is of a network or of trees; None for other models, and if it is not known."""
    model = read_info(metrics).get("cfg", {}).get("model", {})
    kinds = {"network": NETWORK, "estimator": TREE if model.get("estimator") in TREES else None}
    return kinds.get(model.get("kind"))


def _compare(table: PlannedTable, networks: Sequence[Finished], trees: Sequence[Finished]) -> Iterator[tuple[str, str]]:
    """Yield run and remark of each network that is clearly behind the best of the trees."""
    if not trees:
        return
    best = min(trees, key=lambda each: _error(table, each.score))
    value = _show(best.score.mean)
    for network in networks:
        if not _is_behind(table, network, best):
            continue
        row, column = table.rows[network.cell.row].label, table.columns[network.cell.column].label
        trees_label = _name(table, best.cell, network.cell)
        log.warning(
            "%s: %s, %s: the network is clearly behind trees, %s %s against %s of %s. Check the scaling of its inputs, "
            "its learning rate and its epochs (docs/explanation/statistics.md).",
            *(f"{table.study}/{table.table}", row, column),
            *(words.name_metric(table.metric), _show(network.score.mean), value, trees_label),
        )
        yield network.cell.run, f"clearly behind the trees of this table: {trees_label}, {value}"


def _is_behind(table: PlannedTable, network: Finished, trees: Finished) -> bool:
    """Return whether the error of a network is clearly larger than that of trees."""
    theirs = _error(table, trees.score)
    uncertainty = sqrt(sum(_standard_error(table, each) ** 2 for each in (network, trees)))
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * uncertainty
    return _error(table, network.score) - theirs > max(MARGIN * theirs, half)


def _error(table: PlannedTable, score: Score) -> float:
    return 1 - score.mean if table.metric in words.HIGHER_IS_BETTER else score.mean


def _standard_error(table: PlannedTable, each: Finished) -> float:
    """Return the standard error of the metric of a run; 0 if nothing is known of it."""
    score = each.score
    drawn = table.scales[each.cell.protocol].count_drawn(score.members)
    members, tests = (1, 1) if score.is_best else (score.members, drawn or 1)
    test_error = score.standard_error if drawn else None
    errors = Sampling(members, score.sd, test_error, tests, spread_of_one(each.metrics)).standard_errors
    return errors[0] if errors else 0.0


def _show(value: float) -> str:
    return words.format_number(value, words.count_decimals(value))


def _name(table: PlannedTable, cell: PlannedCell, other: PlannedCell) -> str:
    """Return the column of a cell, with its row if it is not that of the other."""
    column = table.columns[cell.column].label
    return column if cell.row == other.row else f"{column} ({table.rows[cell.row].label})"
