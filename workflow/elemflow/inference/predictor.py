"""Predictions of a trained run for any number of new materials, batch after batch.

Every member predicts with its own scaling, target and bound, and the members become one value, a spread and, if the run
was calibrated, an interval. Networks predict in inference mode, whatever habits of evaluation the protocol repeats: a
new material has no batch of its own.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.chemistry.composition import canonical_forms
from elemflow.config.kinds import parts_of
from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError, nearest
from elemflow.core.files import parquet_stream, read_json, read_metadata
from elemflow.core.run import Run
from elemflow.evaluation.conformal import DEFAULT_LEVEL
from elemflow.evaluation.records import Combination
from elemflow.features.store import feature_batches, load_descriptors
from elemflow.inference.applicability import Reference
from elemflow.inference.reliability import KIND, Intervals, load_calibration, load_reference
from elemflow.sources.table import UnreadableTable, read_table
from elemflow.training.scaling import Target, load_scaling, load_target

BATCH_ROWS = 32_768
FORMULA_COLUMNS = ("formula", "composition")
TOLD = {"percentile": pa.float64(), "unseen_elements": pa.string(), "flag": pa.string()}
"""What `elemflow.inference.applicability` tells of a material."""
COMBINE: dict[Combination, Callable[..., np.ndarray]] = {"mean": np.mean, "median": np.median}

Forward = Callable[[np.ndarray], np.ndarray]
"""From unscaled features, float32 (rows, columns), to predictions in the unit of the property, float64 (rows,)."""
Refuse = Callable[[np.ndarray], dict[int, str]]
"""From unscaled features to the rows that a model cannot take, with reasons."""
Batch = tuple[dict[str, list[Any]], np.ndarray, list[str | None]]
"""Columns that name the rows, features of those that have some (float32), and why each row has none, or None."""

log = logging.getLogger(__name__)


class Ensemble:
    """All members of a run, ready to predict.

    Args:
        run: Folder of the run, `results/runs/<dataset>/<property>/<representation>/<model>/<protocol>`.
        threads: CPU threads of networks; the first run that a process loads decides.
        combine: `mean` or `median` of the members; None takes what the run was evaluated with, or the mean.

    Attributes:
        cfg: What the run was trained by.
        parts: Parts of its representation, in order.
        members: Number of members.

    Raises:
        DataError: The folder holds no trained run.
    """

    def __init__(self, run: str | Path, *, threads: int = 1, combine: Combination | None = None):
        run = Path(run)
        folder = run / "model"
        try:
            self.cfg: dict[str, Any] = read_json(folder / "model.json")
        except FileNotFoundError:
            raise DataError(
                f"{run}: no trained run, since it has no model/model.json. Give the folder of a run, such as "
                "results/runs/<dataset>/<property>/<representation>/<model>/<protocol>, and build it first."
            ) from None
        self.parts = parts_of(self.cfg["run"]["representation"])
        files = sorted([*folder.glob("member-*.keras"), *folder.glob("member-*.skops")], key=_member)
        if not files:
            raise DataError(f"{folder}: no member is stored, since the run has no result; its log says why.")
        self.members = len(files)
        self.combine = combine or _evaluated_by(run) or "mean"
        self._forward = [_load(path, self.cfg, threads) for path in files]

    def refuse(self, x: np.ndarray) -> dict[int, str]:
        """Return the rows of unscaled features (rows, columns) that the model cannot take, with reasons."""
        if self.cfg["model"]["kind"] != "network":
            return {}
        from elemflow.networks.build import unsupported_rows  # noqa: PLC0415  no estimator needs a network's module

        return unsupported_rows(NetworkModel.model_validate(self.cfg["model"]).spec, x)

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict materials from their unscaled features.

        Args:
            x: Columns of all parts, float32 (rows, columns).

        Returns:
            Predictions in the unit of the property (rows,), and the sample standard deviation over the members (rows,),
            NaN if there is one member.
        """
        each = np.stack([forward(x) for forward in self._forward])
        spread = each.std(axis=0, ddof=1) if self.members > 1 else np.full(len(x), np.nan)
        return COMBINE[self.combine](each, axis=0), spread


def predict_parquet(
    run: str | Path,
    features: Sequence[str | Path],
    out: str | Path,
    *,
    threads: int = 1,
    combine: Combination | None = None,
    level: int | None = None,
    batch_rows: int = BATCH_ROWS,
) -> int:
    """Predict the materials of feature files, in a memory that their number does not change.

    Args:
        run: Folder of the run.
        features: Feature files of the workflow, one per part of the run's representation, in any order.
        out: Written: `material_id`, `y_pred`, `spread` (null for one member) and, if the run is a calibrated ensemble,
            `lower` and `upper` of the materials that all files have, in their order; run, unit, `combine` and `level`
            in the metadata.
        threads: CPU threads of networks.
        combine: See `Ensemble`.
        level: Level of the intervals in per cent; None is `DEFAULT_LEVEL`, and no interval where none is calibrated.
        batch_rows: Materials in memory at once.

    Returns:
        The number of materials.

    Raises:
        DataError: The files are not those of the run's representation, or there is no such run or no interval of the
            level that was asked for.
    """
    ensemble = Ensemble(run, threads=threads, combine=combine)
    intervals = _intervals(Path(run), ensemble, level)
    files = _in_order(features, ensemble.parts)

    def batches() -> Iterator[Batch]:
        for ids, x in feature_batches(files, batch_rows):
            if refused := ensemble.refuse(x):
                row, reason = next(iter(refused.items()))
                raise DataError(f"{files[0]}: material '{ids[row]}' cannot be predicted: {reason}. Leave it out.")
            yield {"material_id": ids.tolist()}, x, [None] * len(ids)

    return _write(out, ensemble, ["material_id"], batches(), intervals)


def predict_table(
    run: str | Path,
    table: str | Path,
    out: str | Path,
    *,
    column: str | None = None,
    skip: bool = False,
    threads: int = 1,
    combine: Combination | None = None,
    level: int | None = None,
    applicability: bool = False,
) -> int:
    """Predict the formulas of a table, in a memory that their number does not change.

    Args:
        run: Folder of a run whose representation follows from compositions alone.
        table: CSV, JSON or Parquet file, gzipped or not, as a dataset may be.
        out: Written: `formula` as given, `composition` in canonical form, `y_pred`, `spread`, if the run is a
            calibrated ensemble `lower` and `upper`, with `applicability` the columns `TOLD`, and with `skip` a `reason`
            for rows without a prediction; one row per row of the table.
        column: Column of the formulas; None looks for `formula` and `composition`.
        skip: Leave rows out that cannot be predicted, instead of ending with an error.
        threads: CPU threads of networks.
        combine: See `Ensemble`.
        level: See `predict_parquet`.
        applicability: Compare each row with the training rows, whose files must still be there.

    Returns:
        The number of rows.

    Raises:
        DataError: A row cannot be predicted; names row, formula and reason. Or the representation needs structures, or
            there is no interval of the level that was asked for, or the training rows have changed.
    """
    ensemble = Ensemble(run, threads=threads, combine=combine)
    intervals = _intervals(Path(run), ensemble, level)
    reference = load_reference(Path(run), ensemble.cfg) if applicability else None
    modules = [load_descriptors(part) for part in ensemble.parts]
    for part, module in zip(ensemble.parts, modules, strict=True):
        if getattr(module, "NEEDS_STRUCTURE", False):
            raise DataError(
                f"{run}: part '{part}' of its representation is computed from crystal structures, which a table of "
                "formulas has not. Give feature files of the workflow, or take a run without this part."
            )
    names = ["formula", "composition", *(["reason"] if skip else [])]
    batches = _formula_batches(Path(table), column, modules, skip, ensemble.refuse)
    return _write(out, ensemble, names, batches, intervals, reference)


def _formula_batches(
    table: Path, column: str | None, modules: Sequence[Any], skip: bool, refuse: Refuse
) -> Iterator[Batch]:
    done = 0
    for frame in _frames(table):
        formulas = [str(text).strip() for text in frame[_column(frame.columns, column, table)]]
        forms, unread = canonical_forms(formulas)
        reasons = [unread.get(formula) for formula in formulas]
        good = [row for row, reason in enumerate(reasons) if reason is None]
        computed = [_columns_of(module, [forms[formulas[row]] for row in good]) for module in modules]
        for _, lost in computed:
            for place, reason in lost.items():
                reasons[good[place]] = reasons[good[place]] or reason
        whole = np.concatenate([matrix for matrix, _ in computed], axis=1)
        for place, reason in refuse(whole).items():
            reasons[good[place]] = reasons[good[place]] or reason
        bad = next((row for row, reason in enumerate(reasons) if reason), None)
        if bad is not None and not skip:
            raise DataError(
                f"{table}, row {done + bad + 1}: '{formulas[bad]}' cannot be predicted: {reasons[bad]}. Correct or "
                "remove the row, or skip such rows (--skip), which leaves them without a prediction."
            )
        kept = [place for place, row in enumerate(good) if reasons[row] is None]
        yield {"formula": formulas, "composition": [forms.get(formula) for formula in formulas]}, whole[kept], reasons
        done += len(formulas)
    if not done:
        raise DataError(f"{table}: no rows.")


def _frames(table: Path) -> Iterator[pd.DataFrame]:
    """Yield a table in frames; the messages of `read_table` speak of a dataset's config, which a prediction has not."""
    form = _format(table)
    if not table.is_file():
        raise DataError(f"{table}: no such file.")
    try:
        yield from read_table(table, form)
    except UnreadableTable as error:
        raise DataError(
            f"{error.problem} Save it as a table of comma-separated columns (.csv), as JSON or as Parquet."
        ) from None


def _columns_of(module: Any, compositions: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    nothing: tuple[np.ndarray, dict[int, str]] = np.empty((0, len(module.LABELS)), np.float32), {}
    return module.featurize(compositions) if compositions else nothing


def _intervals(run: Path, ensemble: Ensemble, level: int | None) -> Intervals | None:
    """Return the intervals of a run; None if it has none and none were asked for."""
    try:
        calibration = load_calibration(run, ensemble.combine)
        return Intervals(calibration, level or DEFAULT_LEVEL, ensemble.cfg["property"].get("minimum"))
    except DataError as error:
        if level is None:
            log.info("%s: without intervals: %s", run, error)
            return None
        raise DataError(f"{run}: no intervals of {level} %: {error}") from None


def _write(
    out: str | Path,
    ensemble: Ensemble,
    names: Sequence[str],
    batches: Iterator[Batch],
    intervals: Intervals | None,
    reference: Reference | None = None,
) -> int:
    run = ensemble.cfg["run"]
    about = {"run": Run.of(run).path}
    about |= {"members": str(ensemble.members), "combine": ensemble.combine}
    about |= {"level": str(intervals.level), "intervals": KIND} if intervals else {}
    field = {"unit": ensemble.cfg["property"].get("unit", ""), "property": run["property"]}
    schema = pa.schema(
        [pa.field(name, pa.string()) for name in names if name != "reason"]
        + [pa.field(name, pa.float64(), metadata=field) for name in ("y_pred", "spread")]
        + [pa.field(name, pa.float64(), metadata=field) for name in ("lower", "upper") if intervals]
        + [pa.field(name, kind) for name, kind in TOLD.items() if reference]
        + [pa.field(name, pa.string()) for name in names if name == "reason"],
        metadata=about,
    )
    rows = 0
    with parquet_stream(out, schema) as append:
        for labels, x, reasons in batches:
            good = [row for row, reason in enumerate(reasons) if reason is None]
            y_pred, spread = ensemble.predict(x)
            found = {"y_pred": y_pred, "spread": spread}
            if intervals:
                found["lower"], found["upper"] = intervals.around(y_pred, spread)
            if reference:
                found |= reference.judge(x, [labels["composition"][row] for row in good])
            columns = labels | {"reason": reasons} | {name: _spaced(found[name], good, len(reasons)) for name in found}
            append(pa.table([columns[name] for name in schema.names], schema=schema))
            rows += len(reasons)
    log.info("%s: %d rows, %s of %d members", out, rows, ensemble.combine, ensemble.members)
    return rows


def _spaced(values: np.ndarray, rows: Sequence[int], total: int) -> pa.Array:
    """Return values in the rows that have one, null in the others."""
    spaced = np.full(total, None, dtype=object)
    spaced[list(rows)] = values
    return pa.array(spaced, from_pandas=True)  # NaN becomes null


def _load(path: Path, cfg: Mapping[str, Any], threads: int) -> Forward:
    """Load a member with the scaling and target beside it."""
    model = _load_network(path, cfg, threads) if path.suffix == ".keras" else _load_estimator(path)
    scaling, target = (path.with_name(f"{path.stem}.{suffix}") for suffix in ("scaling.npz", "target.json"))
    scale = load_scaling(scaling).apply if scaling.exists() else None
    restore = (load_target(target) if target.exists() else Target()).restore
    return lambda x: restore(model(scale(x) if scale else x))


_backends: list[Any] = []  # the one of this process, once a network was loaded


def _load_network(path: Path, cfg: Mapping[str, Any], threads: int) -> Forward:
    # Neither library is loaded for estimators.
    from elemflow.networks.build import load_network  # noqa: PLC0415
    from elemflow.training.backend import Backend  # noqa: PLC0415

    if not _backends:
        _backends.append(Backend(threads))
        _backends[0].start(cfg["protocol"]["training"].get("engine", "auto"))
    forward = _backends[0].keras.forward(load_network(path, NetworkModel.model_validate(cfg["model"]).spec))
    return lambda x: np.asarray(forward(x), dtype=np.float64)


def _load_estimator(path: Path) -> Forward:
    from elemflow.estimators.storage import load_estimator  # noqa: PLC0415  scikit-learn is not loaded for networks

    estimator = load_estimator(path)
    return lambda x: np.asarray(estimator.predict(x), dtype=np.float64) if len(x) else np.empty(0)


def _evaluated_by(run: Path) -> Combination | None:
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


def _column(columns: Iterable[str], wanted: str | None, table: Path) -> str:
    names = [str(name) for name in columns]
    column = wanted or next((name for name in FORMULA_COLUMNS if name in names), None)
    if column not in names:
        asked = f"no column '{wanted}'" if wanted else f"none of the columns {', '.join(FORMULA_COLUMNS)}"
        raise DataError(f"{table}: {asked}. Found: {', '.join(names)}.{nearest(wanted or 'formula', names)}")
    return str(column)


def _format(table: Path) -> str:
    name = table.name.removesuffix(".gz")
    for suffix in ("csv", "json", "parquet"):
        if name.endswith(f".{suffix}"):
            return suffix
    raise DataError(
        f"{table}: the format is not known by its name. Name it .csv, .json or .parquet, each also with .gz."
    )


def _member(path: Path) -> int:
    return int(path.stem.removeprefix("member-"))
