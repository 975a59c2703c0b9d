"""Predictions of all properties of a base, or of a model that was fine-tuned from one, without Keras.

Networks are evaluated with numpy, so that the first prediction needs a second and no training.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.base.intervals import Calibrated, HeadIntervals
from elemflow.base.neutrality import NEUTRAL, find_nearly_neutral
from elemflow.chemistry.formula_arrays import element_amounts
from elemflow.core.errors import DataError, nearest
from elemflow.core.levels import check_level
from elemflow.core.places import find
from elemflow.evaluation.conformal import DEFAULT_LEVEL
from elemflow.inference.formulas import Batch, Featurizer
from elemflow.multitask.file import BaseFile, read_base
from elemflow.multitask.transforms import from_target

SHIPPED = "resources/models/elemflow_base.elemflow"
"""The base that ships with elemflow."""
FEWEST = 5
"""Training compositions with an element below which compositions with it are flagged as far."""
WIDE = 0.95
"""Quantile of the spreads of held-out compositions above which a composition is flagged as far."""
FLAGS = ("inside", "far", "unseen")
OUTPUTS = ("", "_lower", "_upper", "_flag", "_training")
"""Endings of the columns of a head: prediction, ends of the interval, flag, and whether it was trained on; `_known` may
follow."""


class BasePredictor:
    """A base, ready to predict any number of formulas.

    Args:
        path: The file; None is the one that ships.
        properties: Ids, groups or titles of the heads, in any case; None for all.
        level: Level of the intervals in per cent.
        known: Whether the values that the sources of the base have stand next to the predictions; None if it has any.

    Attributes:
        base: The file's content.
        heads: Numbers of the chosen heads.

    Raises:
        DataError: The file is damaged or of other features, or has no such head, or no known values and they are asked
            for; or the level is none.

    Example:
        >>> from elemflow.base.predictor import BasePredictor
        >>> predictor = BasePredictor(properties=["band_gap"])  # doctest: +SKIP
        >>> gaps = predictor.frame(["Li2FeSiO4"])  # doctest: +SKIP
    """

    def __init__(
        self,
        path: Path | None = None,
        properties: Sequence[str] | None = None,
        level: int = DEFAULT_LEVEL,
        *,
        known: bool | None = False,
    ):
        self.path = path or find(SHIPPED)
        if not self.path.is_file():
            raise DataError(f"{self.path}: no such file. Name a base with --model, or a trained run with --run.")
        self.base: BaseFile = read_base(self.path)
        self.heads = self._chosen(properties)
        self.level = check_level(level)
        self.known = self.base.known if known is None or known else None
        if known and self.known is None:
            raise DataError(f"{self.path}: holds no known values. Leave --known out.")
        self.featurizer = Featurizer(self.base.parts(), lambda _: {})

    def _chosen(self, properties: Sequence[str] | None) -> list[int]:
        facts = self.base.facts.heads
        if not properties:
            return list(range(len(facts)))
        names = [{name.casefold() for name in (head.id, head.group, head.title)} for head in facts]
        groups = {head.group for head in facts}
        for name in properties:
            if not any(name.casefold() in of_head for of_head in names):
                known = sorted({*self.base.heads, *groups})
                raise DataError(
                    f"{self.path.name}: no property '{name}'.{nearest(name, known)} Groups: "
                    f"{', '.join(sorted(groups))}. The card lists single properties: elemflow info {self.path}"
                )
        wanted = {name.casefold() for name in properties}
        return [place for place, of_head in enumerate(names) if of_head & wanted]

    @cached_property
    def _intervals(self) -> list[HeadIntervals | None]:
        """Intervals of the chosen heads; None where the file has none."""
        names = [self.base.heads[place] for place in self.heads]
        found = self.base.calibration
        return [
            HeadIntervals(Calibrated(*found[name].astype(np.float64)), self.level) if name in found else None
            for name in names
        ]

    @property
    def without_intervals(self) -> list[str]:
        """Chosen heads that have too few held-out compositions for the level, for some predictions at least."""
        chosen = zip(self.heads, self._intervals, strict=True)
        return [self.base.heads[place] for place, each in chosen if each is not None and not each.are_bounded]

    def nearly_neutral(self, batch: Batch) -> dict[int, str]:
        """Return the charge-neutral composition that each row of a batch misses by little; see `base.neutrality`.

        Args:
            batch: The batch.
        """
        rows = batch.predicted_rows
        found = self._nearly_neutral([str(batch.labels["composition"][row]) for row in rows], batch.x)
        return {rows[place]: name for place, name in found.items()}

    def _nearly_neutral(self, compositions: list[str], x: np.ndarray) -> dict[int, str]:
        labels = [label for part in self.base.parts() for label in part.LABELS]
        if NEUTRAL not in labels:
            return {}
        column = labels.index(NEUTRAL)

        def is_neutral(names: list[str]) -> np.ndarray:
            batch = self.featurizer.batch(names)
            found = np.zeros(len(names), dtype=bool)
            found[batch.predicted_rows] = batch.x[:, column] > 0
            return found

        return find_nearly_neutral(compositions, x[:, column] > 0, is_neutral)

    def schema(self, labels: Sequence[str]) -> pa.Schema:
        """Return the columns of the predictions.

        Args:
            labels: Columns that name the materials; `reason` among them comes last.
        """
        fields = [pa.field(name, pa.string()) for name in labels if name != "reason"]
        for place in self.heads:
            head = self.base.facts.heads[place]
            name = head.id
            about = {"unit": head.unit, "property": name, "title": head.title}
            fields += [pa.field(f"{name}{end}", pa.float64(), metadata=about) for end in OUTPUTS[:3]]
            fields += [pa.field(f"{name}_flag", pa.string()), pa.field(f"{name}_training", pa.bool_())]
            if self.known:
                fields.append(pa.field(f"{name}_known", pa.float64(), metadata=about))
        fields += [pa.field(name, pa.string()) for name in labels if name == "reason"]
        about = {"base": self.base.facts.name, "networks": str(len(self.base.weights)), "level": str(self.level)}
        return pa.schema(fields, metadata=about)

    def table(self, batch: Batch, schema: pa.Schema) -> pa.Table:
        """Return the predictions of a batch; null in rows that have a reason."""
        rows = batch.predicted_rows
        columns: dict[str, Any] = dict(batch.labels) | {"reason": batch.reasons}
        places = np.full(len(batch.reasons), -1)
        places[rows] = np.arange(len(rows))
        spaced = pa.array(places, mask=places < 0)  # null in rows without a prediction
        for name, values in self._columns(batch, rows).items():
            columns[name] = pa.array(values, schema.field(name).type, from_pandas=True).take(spaced)
        return pa.table([columns[name] for name in schema.names], schema=schema)

    def _columns(self, batch: Batch, rows: list[int]) -> dict[str, np.ndarray]:
        compositions = [str(batch.labels["composition"][row]) for row in rows]
        targets, spread = self.base.predict(batch.x, self.heads)
        flags = flags_of(compositions, self.base.elements[self.heads], spread, self._limits)
        near = list(self._nearly_neutral(compositions, batch.x))
        flags[near] = np.maximum(flags[near], 1)
        masks = self.base.seen.masks(compositions)
        columns: dict[str, np.ndarray] = {}
        for number, place in enumerate(self.heads):
            head, intervals = self.base.facts.heads[place], self._intervals[number]
            name = head.id
            low, high = np.full((2, len(rows)), np.nan)
            if intervals is not None:
                half = intervals.half_width(targets[:, number], spread[:, number])
                half[~np.isfinite(half)] = np.nan
                low, high = targets[:, number] - half, targets[:, number] + half
            for end, values in zip(OUTPUTS[:3], (targets[:, number], low, high), strict=True):
                in_unit = from_target(values, head.transform)
                columns[f"{name}{end}"] = in_unit if head.minimum is None else np.maximum(in_unit, head.minimum)
            columns[f"{name}_flag"] = np.array(FLAGS, dtype=object)[flags[:, number]]
            columns[f"{name}_training"] = (masks >> np.uint64(place)) & np.uint64(1) > 0
        return columns | self._known_columns(compositions)

    def _known_columns(self, compositions: list[str]) -> dict[str, np.ndarray]:
        """Return the known values by column, in the units of the properties."""
        if not self.known:
            return {}
        targets = self.known.find(compositions, self.heads)
        heads = [self.base.facts.heads[place] for place in self.heads]
        return {
            f"{head.id}_known": from_target(column, head.transform)
            for head, column in zip(heads, targets.T, strict=True)
        }

    @cached_property
    def _limits(self) -> np.ndarray:
        """Spread above which a composition is far, by chosen head (heads,); NaN where there is none."""
        found = [self.base.calibration.get(self.base.heads[place]) for place in self.heads]
        return np.array([np.nan if rows is None else spread_limit(rows[1]) for rows in found])

    def frame(self, formulas: Sequence[str]) -> pd.DataFrame:
        """Return the predictions of some formulas as a frame; one without, as a missing formula, has a `reason`."""
        schema = self.schema(["formula", "composition", "reason"])
        texts = [formula if isinstance(formula, str) else "" for formula in formulas]
        return self.table(self.featurizer.batch(texts), schema).to_pandas()


def spread_limit(spread: np.ndarray) -> float:
    """Return the spread above which a composition is flagged as far; NaN for one network, whose spread is NaN."""
    return float(np.quantile(spread.astype(np.float64), WIDE))


def flags_of(compositions: Sequence[str], elements: np.ndarray, spread: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return how far each composition is from the training compositions, as positions in `FLAGS`.

    Args:
        compositions: Canonical compositions.
        elements: See `elemflow.multitask.file.BaseFile`; of some heads.
        spread: Spread of the networks (compositions, heads).
        limits: See `spread_limit` (heads,).

    Returns:
        2 where an element has no training composition; 1 where one has fewer than `FEWEST`, or where the networks
        disagree more than on `WIDE` of the held-out compositions; else 0; int (compositions, heads).
    """
    if not compositions:
        return np.zeros((0, len(elements)), np.int64)
    amounts = element_amounts(compositions)
    ends = np.searchsorted(amounts.rows, np.arange(len(compositions)))
    fewest = np.minimum.reduceat(elements[:, amounts.numbers - 1], ends, axis=1).T
    return np.where(fewest == 0, 2, (fewest < FEWEST) | (spread > limits)).astype(np.int64)


def count_elements(compositions: Sequence[str], known: np.ndarray, n_elements: int) -> np.ndarray:
    """Return how many compositions with a label each element has, at most 255.

    Args:
        compositions: Canonical compositions.
        known: Where the heads have labels, bool (compositions, heads).
        n_elements: Number of elements that are counted.

    Returns:
        uint8 (heads, elements), elements by atomic number.
    """
    amounts = element_amounts(compositions)
    labels = (np.bincount(amounts.numbers - 1, column[amounts.rows], n_elements) for column in known.T)
    return np.minimum(np.rint(np.stack(list(labels))), 255).astype(np.uint8)
