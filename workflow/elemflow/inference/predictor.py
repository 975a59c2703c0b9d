"""Predictions of a trained run for any number of new materials, batch by batch.

Every member predicts with its own scaling of features and target, and the members are combined into one value, a spread
and, if the run was calibrated, an interval.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from elemflow.chemistry.weights import Basis
from elemflow.core.errors import DataError
from elemflow.core.files import parquet_stream, read_json, read_metadata
from elemflow.evaluation.conformal import DEFAULT_LEVEL
from elemflow.evaluation.records import Combination
from elemflow.features.store import feature_batches, load_descriptors
from elemflow.inference.applicability import ApplicabilityDomain
from elemflow.inference.formulas import Batch, formula_batches
from elemflow.inference.reliability import INTERVAL_KIND, Intervals, load_calibration, load_domain
from elemflow.inference.trained_run import TrainedRun
from elemflow.training.backend import Backend

BATCH_ROWS = 32_768
APPLICABILITY_COLUMNS = {"percentile": pa.float64(), "unseen_elements": pa.string(), "flag": pa.string()}
"""Columns of `elemflow.inference.applicability.Assessment` in the output."""
COMBINE: dict[Combination, Callable[..., np.ndarray]] = {"mean": np.mean, "median": np.median}

log = logging.getLogger(__name__)


class Ensemble:
    """All members of a run, combined into one prediction per material.

    Args:
        run: Folder of the run, `results/runs/<dataset>/<property>/<representation>/<model>/<protocol>`.
        backend: Keras backend of this process; None shares one with one thread.
        combine: `mean` or `median` of the members; None is that of the run's evaluation, or the mean.

    Attributes:
        trained: Its members and configuration.
        combine: How its members are combined.

    Raises:
        DataError: The folder holds no trained run.
    """

    def __init__(self, run: str | Path, *, backend: Backend | None = None, combine: Combination | None = None):
        run = Path(run)
        self.trained = TrainedRun(run / "model", backend, network_rows=None)
        self.combine: Combination = combine or _evaluated_combination(run) or "mean"

    @property
    def members(self) -> int:
        """Number of members."""
        return len(self.trained.members)

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict materials from their unscaled features.

        Args:
            x: Columns of all parts, float32 (rows, columns).

        Returns:
            Predictions in the unit of the property (rows,), and the sample standard deviation over the members (rows,),
            NaN if there is one member.
        """
        each = self.trained.predict(x)
        spread = each.std(axis=0, ddof=1) if self.members > 1 else np.full(len(x), np.nan)
        return COMBINE[self.combine](each, axis=0), spread


def predict_parquet(
    run: str | Path,
    features: Sequence[str | Path],
    out: str | Path,
    *,
    backend: Backend | None = None,
    combine: Combination | None = None,
    level: int | None = None,
    batch_rows: int = BATCH_ROWS,
) -> int:
    """Predict the materials of feature files, in an amount of memory that does not depend on their number.

    Args:
        run: Folder of the run.
        features: Feature files of the workflow, one per part of the run's representation, in any order.
        out: Written: `material_id`, `y_pred`, `spread` (null for one member) and, if the run is a calibrated ensemble,
            `lower` and `upper` of the materials that all files have, in their order; run, unit, `combine` and `level`
            in the metadata.
        backend: See `Ensemble`.
        combine: See `Ensemble`.
        level: Level of the intervals in per cent; None is `DEFAULT_LEVEL`, and no interval where none is calibrated.
        batch_rows: Materials in memory at once.

    Returns:
        The number of materials.

    Raises:
        DataError: The files are not those of the run's representation, or there is no such run or no interval of the
            requested level.
    """
    ensemble = Ensemble(run, backend=backend, combine=combine)
    intervals = _intervals(Path(run), ensemble, level)
    files = _in_order(features, ensemble.trained.parts)

    def batches() -> Iterator[Batch]:
        for ids, x in feature_batches(files, batch_rows):
            if unsupported := ensemble.trained.unsupported_rows(x):
                row, reason = next(iter(unsupported.items()))
                raise DataError(f"{files[0]}: material '{ids[row]}' cannot be predicted: {reason}. Remove it.")
            yield Batch({"material_id": ids.tolist()}, x, [None] * len(ids))

    return _write(Path(out), ensemble, ["material_id"], batches(), intervals)


def predict_table(
    run: str | Path,
    table: str | Path,
    out: str | Path,
    *,
    column: str | None = None,
    skip: bool = False,
    backend: Backend | None = None,
    combine: Combination | None = None,
    level: int | None = None,
    applicability: bool = False,
    amounts: Basis = "atomic",
) -> int:
    """Predict the formulas of a table, in an amount of memory that does not depend on their number.

    Args:
        run: Folder of a run whose representation follows from compositions alone.
        table: CSV, JSON or Parquet file, gzipped or not, as a dataset may be.
        out: Written: `formula` as given, `composition` in canonical form, `y_pred`, `spread`, if the run is a
            calibrated ensemble `lower` and `upper`, with `applicability` the `APPLICABILITY_COLUMNS`, and with `skip` a
            `reason` for rows without a prediction; one row per row of the table.
        column: Column of the formulas; None looks for `formula` and `composition`.
        skip: Keep rows that cannot be predicted, without a prediction, instead of raising an error.
        backend: See `Ensemble`.
        combine: See `Ensemble`.
        level: See `predict_parquet`.
        applicability: Compare each row with the training set, whose files must still exist.
        amounts: What the amounts of the formulas count.

    Returns:
        The number of rows.

    Raises:
        DataError: A row cannot be predicted; names row, formula and reason. Or the representation needs structures, or
            there is no interval of the requested level, or the training set has changed.
    """
    ensemble = Ensemble(run, backend=backend, combine=combine)
    intervals = _intervals(Path(run), ensemble, level)
    domain = load_domain(Path(run), ensemble.trained.config.run) if applicability else None
    parts = {name: load_descriptors(name) for name in ensemble.trained.parts}
    for name, part in parts.items():
        if getattr(part, "NEEDS_STRUCTURE", False):
            raise DataError(
                f"{run}: part '{name}' of its representation is computed from crystal structures, which a table of "
                "formulas does not have. Give feature files of the workflow, or use a run without this part."
            )
    names = ["formula", "composition", *(["reason"] if skip else [])]
    batches = formula_batches(
        Path(table),
        column,
        list(parts.values()),
        skip=skip,
        unsupported_rows=ensemble.trained.unsupported_rows,
        amounts=amounts,
    )
    return _write(Path(out), ensemble, names, batches, intervals, domain)


def _intervals(run: Path, ensemble: Ensemble, level: int | None) -> Intervals | None:
    """Return the intervals of a run; None if it has none and none were requested."""
    try:
        calibration = load_calibration(run, ensemble.combine)
        return Intervals(calibration, level or DEFAULT_LEVEL, ensemble.trained.config.property.minimum)
    except DataError as error:
        if level is None:
            log.info("%s: without intervals: %s", run, error)
            return None
        raise DataError(f"{run}: no intervals of {level} %: {error}") from None


def _schema(
    ensemble: Ensemble, names: Sequence[str], intervals: Intervals | None, domain: ApplicabilityDomain | None
) -> pa.Schema:
    config = ensemble.trained.config
    about = {"run": config.run.path, "members": str(ensemble.members), "combine": ensemble.combine}
    about |= {"level": str(intervals.level), "intervals": INTERVAL_KIND.value} if intervals else {}
    field = {"unit": config.property.unit, "property": config.run.property}
    return pa.schema(
        [pa.field(name, pa.string()) for name in names if name != "reason"]
        + [pa.field(name, pa.float64(), metadata=field) for name in ("y_pred", "spread")]
        + [pa.field(name, pa.float64(), metadata=field) for name in ("lower", "upper") if intervals]
        + [pa.field(name, kind) for name, kind in APPLICABILITY_COLUMNS.items() if domain]
        + [pa.field(name, pa.string()) for name in names if name == "reason"],
        metadata=about,
    )


def _write(
    out: Path,
    ensemble: Ensemble,
    names: Sequence[str],
    batches: Iterator[Batch],
    intervals: Intervals | None,
    domain: ApplicabilityDomain | None = None,
) -> int:
    schema = _schema(ensemble, names, intervals, domain)
    rows = 0
    with parquet_stream(out, schema) as append:
        for batch in batches:
            predicted = batch.predicted_rows
            y_pred, spread = ensemble.predict(batch.x)
            found = {"y_pred": y_pred, "spread": spread}
            if intervals:
                found["lower"], found["upper"] = intervals.around(y_pred, spread)
            if domain:
                compositions = [str(batch.labels["composition"][row]) for row in predicted]
                found |= domain.assess(batch.x, compositions)._asdict()
            columns = batch.labels | {"reason": batch.reasons}
            columns |= {name: _spaced(values, predicted, len(batch.reasons)) for name, values in found.items()}
            append(pa.table([columns[name] for name in schema.names], schema=schema))
            rows += len(batch.reasons)
    log.info("%s: %d rows, %s of %d members", out, rows, ensemble.combine, ensemble.members)
    return rows


def _spaced(values: np.ndarray, rows: Sequence[int], total: int) -> pa.Array:
    """Return values in the rows that have one, null in the others."""
    spaced = np.full(total, None, dtype=object)
    spaced[list(rows)] = values
    return pa.array(spaced, from_pandas=True)  # NaN becomes null


def _evaluated_combination(run: Path) -> Combination | None:
    """Return how the evaluation of a run combined its members, if it did."""
    file = run / "metrics.json"
    test = read_json(file).get("test", {}) if file.exists() else {}
    combined_by: Combination | None = test.get("ensemble", {}).get("combined_by")
    return combined_by


def _in_order(features: Sequence[str | Path], parts: Sequence[str]) -> list[Path]:
    """Return the feature files in the order of a representation."""
    found = {read_metadata(path).get("part", f"none ({path})"): Path(path) for path in features}
    if sorted(found) != sorted(parts) or len(features) != len(parts):
        raise DataError(
            f"{', '.join(map(str, features))}: these files have the parts {', '.join(found)}; the run was trained on "
            f"{'+'.join(parts)}. Give one file per part, results/features/<dataset>/<part>.parquet."
        )
    return [found[part] for part in parts]
