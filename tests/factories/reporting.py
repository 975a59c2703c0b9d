"""Small runs with known errors, shared by the tests of tables, figures and index pages."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa

from elemflow.core.files import write_json, write_parquet
from elemflow.evaluation.conformal import EnsembleRows, coverage_report
from elemflow.evaluation.metrics import evaluate
from elemflow.plan.items import PlannedFigure, PlannedTable
from elemflow.reporting.index import TableFiles
from elemflow.reporting.tables.base import TableBuilder
from elemflow.reporting.view import TableView
from elemflow.stability.metrics import Predictions
from elemflow.stability.metrics import evaluate as evaluate_stability
from elemflow.stability.records import CalibrationCurve, StabilityReport

OUTPUTS = {
    "table": {"text": "table", "csv": "table.csv", "md": "table.md", "tex": "table.tex", "html": "table.html"},
    "figure": {"text": "figure", "csv": "figure.csv", "svg": "figure.svg", "png": "figure.png"},
}
UNIT = "eV/atom"


def name_run(model: str, dataset: str = "kefe") -> str:
    return f"{dataset}/formation_energy/ef/{model}/brnet2023"


NETWORK = {"kind": "network"}


def write_run(root: Path, run: str, errors: list[float], rows: int = 40, model: dict[str, str] = NETWORK) -> Path:
    """Write a run whose members have the given mean absolute errors exactly."""
    folder = root / run
    folder.mkdir(parents=True)
    true = np.linspace(-2, 2, rows)
    sign = np.where(np.arange(rows) % 2, 1, -1)
    predictions = [
        pd.DataFrame({"member": number, "role": "test", "y_true": true, "y_pred": true + sign * error})
        for number, error in enumerate(errors)
    ]
    table = pd.concat([*predictions, predictions[0].assign(role="validation", y_pred=1e6)])
    table.assign(material_id=[f"Fe{row + 1}O" for row in range(rows)] * (len(errors) + 1)).to_parquet(
        folder / "predictions.parquet"
    )
    metrics = evaluate(folder / "predictions.parquet").plain()
    rows_of_split = EnsembleRows(np.abs(true), np.abs(true) + 0.1)
    metrics["test"]["uncertainty"] = coverage_report([(rows_of_split, rows_of_split)]).plain()
    write_json(folder / "metrics.json", metrics)
    members = {
        str(number): {"rows": {"train": 320, "validation": 40, "test": rows}, "seconds_fitting": 60.0 * (number + 1),
                      "parameters": {"trainable": 4_548_385, "total": 4_548_385}}
        for number in range(len(errors))
    }  # fmt: skip
    split = {"hold_out": {"element": "Fe", "train_fraction": 0.2, "test_fraction": 0.2}}
    cfg = {"model": model, "protocol": {"split": split, "training": {"max_epochs": 3000}}}
    write_json(folder / "run_info.json", {"cfg": cfg, "members": members, "seconds_fitting": 60.0})
    symbols = ("O", "Fe", "H")
    lines = [
        f"{member},ef,{symbol},40,2,{error},{error * factor},0.01"
        for member, error in enumerate(errors)
        for symbol, factor in zip(symbols, (0.5, 2, -0.1), strict=True)
    ]
    (folder / "importance.csv").write_text(
        "\n".join(["member,part,feature,rows,repeats,error,increase,spread", *lines]), encoding="utf-8"
    )  # fmt: skip
    assessed = {
        "material_id": [f"Fe{row + 1}O" for row in range(rows)],
        "split": 0,
        "role": "test",
        "percentile": np.linspace(0, 1, rows),
        "flag": np.where(np.arange(rows) % 4, "inside", "unseen"),
    }
    every = [pd.DataFrame(assessed).assign(split=number) for number in range(len(errors))]
    write_parquet(
        folder / "applicability.parquet",
        pa.Table.from_pandas(pd.concat(every), preserve_index=False),
        {"neighbours": 5, "members_per_split": 1},
    )
    write_stability(folder, errors[0])
    (folder / "model").mkdir()
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"] = np.outer(np.arange(86) - 42.5, np.ones(3)) * [1, 1, 0.01]
        file["layers/dense_1/vars/0"] = np.ones((3, 1))
    with zipfile.ZipFile(folder / "model/member-0.keras", "w") as archive:
        archive.writestr("model.weights.h5", weights.getvalue())
    epochs = np.arange(1, 1201)
    history = [
        pd.DataFrame({"member": number, "epoch": epochs, "step": 30 * epochs}).assign(
            train_loss=error * (1 + abs(epochs - 777) / 200), validation_mae=error * (1 + abs(epochs - 777) / 100)
        )
        for number, error in enumerate(errors)
    ]
    pd.concat(history).to_parquet(folder / "history.parquet")
    return folder


def write_stability(folder: Path, error: float, rows: int = 400) -> None:
    """Write decisions on stability with known errors of ΔHd."""
    truth = np.linspace(-0.3, 0.4, rows)
    sign = np.where(np.arange(rows) % 3, 1, -1)
    columns = {name: truth + sign * error * factor for name, factor in (("energy", 1.0), ("hull", 0.5))}
    columns |= {"all_predicted": truth + sign * error}
    chances = {f"p_{name}": 1 / (1 + np.exp(20 * values)) for name, values in columns.items()}
    table = {"composition": [f"Fe{row + 1}O" for row in range(rows)], "true_known": truth, "true_all": truth}
    write_parquet(folder / "stability.parquet", pa.table(table | columns | chances))
    systems, elements = np.arange(rows) // 4, 2 + np.arange(rows) % 3
    settings = {
        setting: {
            name: evaluate_stability(
                Predictions(truth, values, systems, elements, chances[f"p_{name}"], np.abs(values - truth)),
                replicates=20,
            )
            for name, values in columns.items()
            if name != "all_predicted"
        }
        for setting in ("known_hull", "all_predicted", "known_hull_all_true")
    }
    curve = CalibrationCurve(decomposition=(-0.1, 0.1), probability=(0.9, 0.1))
    write_json(folder / "stability.json", StabilityReport(settings=settings, calibration=curve).plain())


def make_common() -> dict:
    return {
        "study": "brnet2023",
        "study_title": "Branched networks",
        "reference": "Gupta et al., Sci. Rep. (2023)",
        "metric": "mae",
        "scales": {
            "brnet2023": {
                "max_materials": None,
                "max_epochs": 3000,
                "members": 3,
                "drawn_tests": 3,
                "tests": "a",
                "set_of_train_rows": None,
                "reduced": [],
            }
        },
        "protocols": {"brnet2023": "81 % training, 9 % validation, 10 % test, at random"},
        "datasets": {"kefe": {"title": "Kingsbury enthalpies", "citation": ["kim2017"], "license": "CC BY 4.0"}},
    }


def make_cell(model: str, column: int, published: str | None, row: int = 0) -> dict:
    return {
        "row": row,
        "column": column,
        "run": name_run(model),
        "dataset": "kefe",
        "property": "formation_energy",
        "representation": "ef",
        "model": model,
        "protocol": "brnet2023",
        "named": {"dataset": "kefe", "property": "formation_energy"},
        "unit": UNIT,
        "missing": "",
        "published": None if published is None else float(published),
        "published_text": published,
        "published_source": "brnet2023 T5",
        "published_note": "",
        "published_size": 2135,
        **({} if published is None else {"margin": 0.05 * abs(float(published))}),
    }


def make_table(columns: list[str], published: list[str | None]) -> dict:
    return make_common() | {
        "table": "table5",
        "kind": "errors",
        "title": "Errors on experiments",
        "note": "",
        "rows": [{"label": "KEFE · formation enthalpy (eV/atom)"}],
        "columns": [{"label": column} for column in columns],
        "cells": [
            make_cell(column.lower(), number, text)
            for number, (column, text) in enumerate(zip(columns, published, strict=True))
        ],
    }


def make_figure(kind: str, models: list[str]) -> dict:
    series = [
        {
            "label": model,
            "run": name_run(model.lower()),
            "unit": UNIT,
            "dataset_title": "KEFE",
            "property_title": "Enthalpy",
            "published": 0.1,
            "published_text": "0.1",
            "dataset": "kefe",
            "property": "formation_energy",
            "representation": "ef",
            "model": model.lower(),
            "protocol": "brnet2023",
            "published_size": 2135,
            "missing": "",
            "setting": "known_hull",
        }
        for model in models
    ]
    panels = [{"label": "KEFE", "series": series}] if models else []
    return make_common() | {
        "figure": "figure4",
        "title": "Parity of models",
        "kind": kind,
        "panels": panels,
        "study_labels": [models],
    }


def planned(cfg: dict) -> PlannedTable | PlannedFigure:
    """Return a table or figure as jobs read it from their parameters."""
    return (PlannedTable if "table" in cfg else PlannedFigure).model_validate(cfg)


def view_of(builder: TableBuilder, cfg: dict, metrics: dict[str, Path]) -> TableView:
    """Return what the formats of a table show."""
    return builder.view(planned(cfg), list(builder.collect(planned(cfg), metrics, {})), {})


def table_files(cfg: dict, outputs: dict[str, Path]) -> TableFiles:
    """Return a table with the files that were written."""
    return TableFiles(planned(cfg), outputs["csv"], outputs["html"])


def place(folder: Path, kind: str) -> dict[str, Path]:
    return {name: folder / file for name, file in OUTPUTS[kind].items()}


def check_failure_is_shown(
    builder: TableBuilder, cfg: dict, metrics: dict[str, Path], folder: Path, run: str
) -> dict[str, Path]:
    """Write a table with a failed run and check that its formats name error and log."""
    log = f"results/logs/train_model/{run}.log"
    outputs = place(folder, "table")
    failed = {run: {"log": log, "message": "member 1 diverged"}}
    builder.write(planned(cfg | {"failed": failed}), metrics, {}, outputs)
    text, page = (outputs[name].read_text(encoding="utf-8") for name in ("text", "html"))
    assert f"failed: member 1 diverged ({log})" in " ".join(text.split())
    assert f'<a href="../../{log.removeprefix("results/")}">failed</a>' in page
    assert "not run" not in text
    assert set(builder.read_frame(outputs["csv"])["log"].dropna()) == {log}
    return outputs
