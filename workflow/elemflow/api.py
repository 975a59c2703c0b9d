"""The names of `import elemflow`: datasets, features, predictors and results as pandas frames.

    >>> import elemflow
    >>> data = elemflow.load_dataset("kefe")
    >>> data.shape, data.attrs["units"]
    ((2135, 5), {'formation_energy': 'eV/atom'})

Features are a scikit-learn transformer, so that they fit into any pipeline:

    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> model = make_pipeline(elemflow.Features("ef"), ExtraTreesRegressor(5, random_state=0))
    >>> model = model.fit(data["composition"], data["formation_energy"])
    >>> model.predict(["NaCl"]).shape
    (1,)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from elemflow.config.dataset import Dataset
from elemflow.config.load import load
from elemflow.core.errors import DataError, nearest
from elemflow.core.files import JsonObject, read_json
from elemflow.core.parquet import read_frame
from elemflow.core.places import ROOT
from elemflow.curation.dry_run import curate_dry, is_local
from elemflow.features.transformer import Features
from elemflow.inference.predictor import Predictor
from elemflow.inference.run_folders import find_run

__all__ = ["Features", "Predictor", "RunResults", "load_dataset", "load_results", "load_run"]

CONFIG = Path("config/config.yaml")
RESULTS = Path("results")
NOT_A_NUMBER = ("structure",)
"""Columns of `materials.parquet` that are not for frames."""


def load_dataset(name: str, results: str | Path = RESULTS) -> pd.DataFrame:
    """Return the materials of a dataset, one per row.

    Curated files are read where Snakemake has built them. A dataset with a local source, such as `kefe` and `kebg`,
    which come with the project, is curated in memory otherwise.

    Args:
        name: Id of the dataset, a file in config/datasets/.
        results: Folder of the results.

    Returns:
        `material_id`, `composition`, `entry_id`, `n_entries`, and a column per property. `attrs` has `units` by
        property, and `title` and `license`.

    Raises:
        DataError: The dataset is not built, and its source needs a server.
        ConfigError: There is no such dataset, or config/ has a mistake.

    Example:
        >>> from elemflow import load_dataset
        >>> data = load_dataset("kebg")
        >>> data.columns.tolist()
        ['material_id', 'composition', 'entry_id', 'n_entries', 'band_gap']
        >>> data.attrs["units"]
        {'band_gap': 'eV'}
    """
    dataset = _declared(name)
    file = Path(results) / f"datasets/{name}/materials.parquet"
    if file.is_file():
        frame = read_frame(file).drop(columns=list(NOT_A_NUMBER), errors="ignore")
    elif is_local(name, dataset):
        frame = curate_dry(name, dataset).materials
    else:
        raise DataError(
            f"{file}: not built, and the source of '{name}' needs a server. Build it: snakemake --cores 1 {file}"
        )
    frame.attrs = {"units": {key: spec.unit for key, spec in dataset.properties.items()}, "title": dataset.title}
    frame.attrs["license"] = dataset.license
    return frame


def load_results(study: str, table: str | None = None, results: str | Path = RESULTS) -> pd.DataFrame:
    """Return the cells of the tables of a study that are built, one per row.

    Args:
        study: Id of the study.
        table: Id of the table; None takes all.
        results: Folder of the results.

    Returns:
        The columns of `results/tables/<study>/<table>.csv`, such as `row`, `column`, `published`, `reproduced`, `unit`
        and `run`.

    Raises:
        DataError: They are not built; names the nearest that is.

    Example:
        >>> from elemflow import load_results
        >>> cells = load_results("demo", "errors")
        >>> cells[["column", "reproduced"]].values.tolist()
        [['BRNet', 0.09], ['extra trees', 0.23]]
    """
    folder = Path(results) / "tables"
    studies = sorted(path.name for path in folder.glob("*") if any(path.glob("*.csv")))
    if study not in studies:
        raise DataError(f"{folder}: no tables of '{study}' are built.{nearest(study, studies)}")
    files = {path.stem: path for path in sorted((folder / study).glob("*.csv"))}
    if table is not None and table not in files:
        raise DataError(f"{folder / study}: no table '{table}' is built.{nearest(table, files)}")
    chosen = [files[table]] if table else list(files.values())
    return pd.concat([pd.read_csv(path) for path in chosen], ignore_index=True)


@dataclass(frozen=True)
class RunResults:
    """What a run left.

    Attributes:
        folder: Its folder.
        predictions: `material_id`, `member`, `role`, `y_true`, `y_pred` of validation and test materials.
        history: `member`, `epoch`, losses and validation errors of each epoch; empty for estimators.
        metrics: Errors by role and member; the ensemble is the member `ensemble`.
        info: Content of `run_info.json`: model, protocol, seeds, inputs, versions.
    """

    folder: Path
    predictions: pd.DataFrame
    history: pd.DataFrame
    metrics: pd.DataFrame
    info: JsonObject


def load_run(run: str | Path, results: str | Path = RESULTS) -> RunResults:
    """Return what a run left, as frames.

    Args:
        run: Its folder, or a part of its id.
        results: Folder of the results.

    Raises:
        DataError: No run, or more than one, is meant, or it is not evaluated.

    Example:
        >>> from elemflow import load_run
        >>> run = load_run("gap trees")
        >>> sorted(run.metrics["role"].unique()), len(run.predictions)
        (['test', 'validation'], 96)
    """
    folder = find_run(str(run), Path(results))
    metrics = folder / "metrics.json"
    if not metrics.is_file():
        raise DataError(f"{metrics}: not built. Build it: snakemake --cores 1 {metrics}")
    return RunResults(
        folder=folder,
        predictions=read_frame(folder / "predictions.parquet"),
        history=read_frame(folder / "history.parquet"),
        metrics=_errors(read_json(metrics)),
        info=read_json(folder / "run_info.json"),
    )


def _declared(name: str) -> Dataset:
    """Return a dataset of the project in the working directory, or of the one that the package lies in."""
    own = Path.cwd() if CONFIG.is_file() else ROOT
    config = yaml.safe_load((own / CONFIG).read_text(encoding="utf-8"))
    settings = load(config, ROOT, [own / CONFIG], own)
    if name not in settings.datasets:
        raise DataError(f"{own / 'config/datasets'}: no dataset '{name}'.{nearest(name, settings.datasets)}")
    return settings.datasets[name].with_local_files(own / settings.data_folder)


def _errors(metrics: JsonObject) -> pd.DataFrame:
    """Return errors by role and member."""
    rows: list[dict[str, Any]] = []
    for role in ("validation", "test"):
        found = metrics.get(role) or {}
        rows += [{"role": role, "member": member} | errors for member, errors in found.get("members", {}).items()]
        combined = (found.get("ensemble") or {}).get("members", {})
        rows += [{"role": role, "member": "ensemble"} | errors for errors in combined.values()]
    return pd.DataFrame(rows)
