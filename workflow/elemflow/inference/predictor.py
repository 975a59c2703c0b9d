"""Predictions of a trained run for any number of new materials, batch by batch.

Every member predicts with its own scaling of features and target, and the members are combined into one value, a spread
and, if the run was calibrated, an interval.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.chemistry.weights import Basis
from elemflow.core.errors import DataError
from elemflow.core.files import parquet_stream, read_metadata
from elemflow.evaluation.conformal import DEFAULT_LEVEL, Calibration
from elemflow.evaluation.records import Combination
from elemflow.features.materials import as_list, featurize_materials
from elemflow.features.store import feature_batches, load_descriptors
from elemflow.inference.applicability import ApplicabilityDomain
from elemflow.inference.ensemble import COMBINE, Ensemble
from elemflow.inference.fitted_regressor import FittedRegressor
from elemflow.inference.formula_tables import formula_chunks
from elemflow.inference.formulas import Batch, Featurizer
from elemflow.inference.further_columns import Joined
from elemflow.inference.model_files import RunFolder, open_model
from elemflow.inference.reliability import INTERVAL_KIND, Intervals
from elemflow.inference.run_folders import find_run
from elemflow.training.backend import Backend
from elemflow.training.run_config import RunConfig

BATCH_ROWS = 32_768
APPLICABILITY_COLUMNS = {"percentile": pa.float64(), "unseen_elements": pa.string(), "flag": pa.string()}
"""Columns of `elemflow.inference.applicability.Assessment` in the output."""

log = logging.getLogger(__name__)


class Predictor(FittedRegressor):
    """A trained run, ready to predict any number of materials; a regressor for scikit-learn that is fitted already.

    Args:
        run: Folder of the run, `results/runs/<dataset>/<property>/<representation>/<model>/<protocol>`, a part of its
            id, or the file that it was exported to.
        backend: Keras backend of this process; None shares one with one thread.
        combine: `mean` or `median` of the members; None is that of the run's evaluation, or the mean.
        level: Level of the intervals in per cent; None is `DEFAULT_LEVEL`, and no interval where none is calibrated.
        network_file: Python file of a network of the user's own, where the project's configuration does not have it.
        applicability: Whether materials are compared with the training set; None does so where its files are as they
            were.

    Attributes:
        ensemble: Its members.
        notes: Why intervals or applicability are absent, where they are and were not requested.

    Raises:
        DataError: The folder holds no trained run, or there is no such combination or no interval of the requested
            level, or the training set has changed.

    Example:
        >>> from elemflow import Predictor
        >>> predictor = Predictor("gaps.elemflow")
        >>> predictor.property_id, predictor.unit
        ('gap', 'eV')
        >>> gaps = predictor.predict(["Fe2O3", "ZnS"])
        >>> gaps.shape
        (2,)
        >>> lower, upper = predictor.predict_interval(["Fe2O3"], level=80)[0]
        >>> bool(lower < gaps[0] < upper)
        True
        >>> predictor.predict_frame(["Fe2O3", "CaO"])["unseen_elements"].tolist()
        ['', 'Ca']
    """

    def __init__(
        self,
        run: str | Path,
        *,
        backend: Backend | None = None,
        combine: Combination | None = None,
        level: int | None = None,
        applicability: bool | None = None,
        network_file: Path | None = None,
    ):
        self.parameters = {
            "run": run,
            "backend": backend,
            "combine": combine,
            "level": level,
            "applicability": applicability,
            "network_file": network_file,
        }
        if combine not in (None, *COMBINE):
            raise DataError(f"combine '{combine}': give {' or '.join(COMBINE)}, or None for that of the run.")
        self.run = _resolved(run)
        self.notes: list[str] = []
        self._calibration: Calibration | None = None
        with open_model(self.run) as files:
            self.ensemble = Ensemble(files.folder, backend=backend, combine=combine, network_file=network_file)
            self._intervals = self._find_intervals(files, level)
            self._domain = None if applicability is False else self._find_domain(files, required=bool(applicability))

    def __repr__(self) -> str:
        members = f"{self.ensemble.members} member{'s' * (self.ensemble.members > 1)}"
        return f"<Predictor of {self.property_id} in {self.unit}, {members}: {self._config.run.path}>"

    @property
    def property_id(self) -> str:
        """Id of the property that is predicted."""
        return self._config.run.property

    @property
    def unit(self) -> str:
        """Unit of the predictions."""
        return self._config.property.unit

    @property
    def level(self) -> int | None:
        """Level of the intervals in per cent; None if there are none."""
        return self._intervals.level if self._intervals else None

    @property
    def _config(self) -> RunConfig:
        return self.ensemble.trained.config

    @cached_property
    def featurizer(self) -> Featurizer:
        """Features of formulas, as the run reads them.

        Raises:
            DataError: The representation needs crystal structures.
        """
        parts = {name: load_descriptors(name) for name in self.ensemble.trained.parts}
        for name, part in parts.items():
            if getattr(part, "NEEDS_STRUCTURE", False):
                raise DataError(
                    f"{self.run}: part '{name}' of its representation is computed from crystal structures, which a "
                    "table of formulas does not have. Give structure files (cif, POSCAR, extxyz) or feature files of "
                    "the workflow, or use a run without this part."
                )
        return Featurizer(list(parts.values()), self.ensemble.trained.unsupported_rows)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803  scikit-learn's name
        """Return predictions, in the unit of the property.

        Args:
            X: Formulas, or structures as CIF text or objects of pymatgen or JARVIS: a list, a Series, or an array or
                frame with one column.

        Returns:
            Float64 array (materials,).

        Raises:
            DataError: A material cannot be predicted; names row, material and reason.
        """
        return self.ensemble.predict(self.batch(X, skip=False).x)[0]

    def predict_interval(self, X: Any, level: int | None = None) -> np.ndarray:  # noqa: N803  scikit-learn's name
        """Return the ends of prediction intervals, in the unit of the property.

        Args:
            X: See `predict`.
            level: Level in per cent; None is that of the predictor.

        Returns:
            Float64 array (materials, 2): lower and upper end.

        Raises:
            DataError: A material cannot be predicted, or the run has no intervals of this level.
        """
        intervals = self._intervals
        if level is not None and self._calibration is not None:
            intervals = Intervals(self._calibration, level, self._config.property.minimum)
        if intervals is None:
            raise DataError(f"{self.run}: no intervals: {' '.join(self.notes)}")
        return np.stack(intervals.around(*self.ensemble.predict(self.batch(X, skip=False).x)), axis=1)

    def predict_frame(self, X: Any) -> pd.DataFrame:  # noqa: N803  scikit-learn's name
        """Return predictions with all that is known of them; a material without one has a `reason`.

        Args:
            X: See `predict`.

        Returns:
            `formula`, `composition`, `y_pred`, `spread`, `lower` and `upper` where there are intervals, the
            `APPLICABILITY_COLUMNS` where the training set is known, and `reason`.
        """
        schema = self.schema(["formula", "composition", "reason"])
        return self.table(self.batch(X, skip=True), schema).to_pandas()

    def batch(self, materials: Any, *, skip: bool) -> Batch:
        """Return materials with their features.

        Args:
            materials: See `predict`.
            skip: Whether materials that cannot be predicted get a reason; they are an error otherwise.

        Raises:
            DataError: A material cannot be predicted.
        """
        given = as_list(materials)
        found = featurize_materials(self._config.run.representation, given)
        reasons = list(found.reasons)
        good = [row for row, reason in enumerate(reasons) if reason is None]
        for place, reason in self.ensemble.trained.unsupported_rows(found.x[good]).items():
            reasons[good[place]] = reason
        bad = next((row for row, reason in enumerate(reasons) if reason), None)
        if bad is not None and not skip:
            raise DataError(f"row {bad + 1}, '{found.formulas[bad]}': {reasons[bad]}")
        kept = [row for row, reason in enumerate(reasons) if reason is None]
        labels = {"formula": list[str | None](found.formulas), "composition": found.compositions}
        return Batch(labels, found.x[kept], reasons)

    def schema(self, labels: Sequence[str]) -> pa.Schema:
        """Return the columns of predictions, with run, unit, combination and level in the metadata.

        Args:
            labels: Columns that name the materials; `reason` among them comes last.
        """
        about = {"run": self._config.run.path, "members": str(self.ensemble.members), "combine": self.ensemble.combine}
        if self._intervals:
            about |= {"level": str(self._intervals.level), "intervals": INTERVAL_KIND.value}
        field = {"unit": self.unit, "property": self.property_id}
        return pa.schema(
            [pa.field(name, pa.string()) for name in labels if name != "reason"]
            + [pa.field(name, pa.float64(), metadata=field) for name in ("y_pred", "spread")]
            + [pa.field(name, pa.float64(), metadata=field) for name in ("lower", "upper") if self._intervals]
            + [pa.field(name, kind) for name, kind in APPLICABILITY_COLUMNS.items() if self._domain]
            + [pa.field(name, pa.string()) for name in labels if name == "reason"],
            metadata=about,
        )

    def table(self, batch: Batch, schema: pa.Schema) -> pa.Table:
        """Return the predictions of a batch; null in rows that have a reason.

        Args:
            batch: The materials.
            schema: What `schema` returned.
        """
        y_pred, spread = self.ensemble.predict(batch.x)
        found = {"y_pred": y_pred, "spread": spread}
        if self._intervals:
            found["lower"], found["upper"] = self._intervals.around(y_pred, spread)
        predicted = batch.predicted_rows
        if self._domain:
            compositions = [str(batch.labels["composition"][row]) for row in predicted]
            found |= self._domain.assess(batch.x, compositions)._asdict()
        columns = batch.labels | {"reason": batch.reasons}
        columns |= {name: _spaced(values, predicted, len(batch.reasons)) for name, values in found.items()}
        return pa.table([columns[name] for name in schema.names], schema=schema)

    def _find_intervals(self, files: RunFolder, level: int | None) -> Intervals | None:
        """Return the intervals of the run; None if it has none and none were requested."""
        try:
            self._calibration = files.calibration(self.ensemble.combine)
            return Intervals(self._calibration, level or DEFAULT_LEVEL, self._config.property.minimum)
        except DataError as error:
            if level is None:
                log.info("%s: without intervals: %s", self.run, error)
                self.notes.append(f"without intervals: {error}")
                return None
            raise DataError(f"{self.run}: no intervals of {level} %: {error}") from None

    def _find_domain(self, files: RunFolder, *, required: bool) -> ApplicabilityDomain | None:
        try:
            return files.domain(self._config.run)
        except DataError as error:
            if required:
                raise
            self.notes.append(f"without applicability: {error}")
            return None


def _resolved(run: str | Path) -> Path:
    """Return the folder or file of a run, which may be named by a part of its id."""
    path = Path(run)
    if path.exists() or path.suffix == ".elemflow" or isinstance(run, Path):
        return path
    return find_run(run, Path("results"))


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
        backend: See `Predictor`.
        combine: See `Predictor`.
        level: See `Predictor`.
        batch_rows: Materials in memory at once.

    Returns:
        The number of materials.

    Raises:
        DataError: The files are not those of the run's representation, or there is no such run or no interval of the
            requested level.
    """
    predictor = Predictor(run, backend=backend, combine=combine, level=level, applicability=False)
    return _write(Path(out), predictor, ["material_id"], batches_of_features(predictor, features, batch_rows))


def batches_of_features(
    predictor: Predictor, features: Sequence[str | Path], batch_rows: int = BATCH_ROWS
) -> Iterator[Batch]:
    """Yield the materials of feature files.

    Args:
        predictor: What predicts them.
        features: Feature files of the workflow, one per part of the run's representation, in any order.
        batch_rows: Materials in memory at once.

    Raises:
        DataError: The files are not those of the run's representation, or a network cannot read a row.
    """
    trained = predictor.ensemble.trained
    files = _in_order(features, trained.parts)
    for ids, x in feature_batches(files, batch_rows):
        if unsupported := trained.unsupported_rows(x):
            row, reason = next(iter(unsupported.items()))
            raise DataError(f"{files[0]}: material '{ids[row]}' cannot be predicted: {reason}. Remove it.")
        yield Batch({"material_id": ids.tolist()}, x, [None] * len(ids))


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
        table: See `elemflow.inference.formula_tables.formula_chunks`.
        out: Written: `formula` as given, `composition` in canonical form, `y_pred`, `spread`, if the run is a
            calibrated ensemble `lower` and `upper`, with `applicability` the `APPLICABILITY_COLUMNS`, and with `skip` a
            `reason` for rows without a prediction; one row per row of the table. Further columns of the table stand
            behind `composition`.
        column: Column of the formulas; None looks for `formula` and `composition`.
        skip: Keep rows that cannot be predicted, without a prediction, instead of raising an error.
        backend: See `Predictor`.
        combine: See `Predictor`.
        level: See `Predictor`.
        applicability: Compare each row with the training set, whose files must still exist.
        amounts: What the amounts of the formulas count.

    Returns:
        The number of rows.

    Raises:
        DataError: A row cannot be predicted; names row, formula and reason. Or the representation needs structures, or
            there is no interval of the requested level, or the training set has changed.
    """
    predictor = Predictor(run, backend=backend, combine=combine, level=level, applicability=applicability)
    chunks = formula_chunks(Path(table), column)
    batches = predictor.featurizer.batches(chunks, str(table), skip=skip, amounts=amounts)
    labels = ["formula", "composition", *(["reason"] if skip else [])]
    return _write(Path(out), predictor, labels, batches)


def _write(out: Path, predictor: Predictor, labels: Sequence[str], batches: Iterator[Batch]) -> int:
    schema = predictor.schema(labels)
    rows = 0
    first = list(islice(batches, 1))
    place = sum(name != "reason" for name in labels)
    joined = Joined.of(schema, first[0].further if first else None, place)
    if joined.note:
        log.info("%s: %s", out, joined.note)
    with parquet_stream(out, joined.schema) as append:
        for batch in chain(first, batches):
            append(joined.table(predictor.table(batch, schema), batch.further))
            rows += len(batch.reasons)
    log.info("%s: %d rows, %s of %d members", out, rows, predictor.ensemble.combine, predictor.ensemble.members)
    return rows


def _spaced(values: np.ndarray, rows: Sequence[int], total: int) -> pa.Array:
    """Return values in the rows that have one, null in the others."""
    if len(rows) == total:
        return pa.array(values, from_pandas=True)
    spaced = np.full(total, None, dtype=object)
    spaced[list(rows)] = values
    return pa.array(spaced, from_pandas=True)  # NaN becomes null


def _in_order(features: Sequence[str | Path], parts: Sequence[str]) -> list[Path]:
    """Return the feature files in the order of a representation."""
    found = {read_metadata(path).get("part", f"none ({path})"): Path(path) for path in features}
    if sorted(found) != sorted(parts) or len(features) != len(parts):
        raise DataError(
            f"{', '.join(map(str, features))}: these files have the parts {', '.join(found)}; the run was trained on "
            f"{'+'.join(parts)}. Give one file per part, results/features/<dataset>/<part>.parquet."
        )
    return [found[part] for part in parts]
