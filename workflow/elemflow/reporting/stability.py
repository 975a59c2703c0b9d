"""What tables and figures of stability read of a run, and how they call its settings."""

from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from elemflow.core.errors import DataError
from elemflow.core.parquet import read_frame
from elemflow.plan.items import PlannedFigure
from elemflow.stability.records import (
    ALL_PREDICTED,
    COLUMNS,
    COLUMNS_ALL_PREDICTED,
    KNOWN_HULL,
    KNOWN_HULL_ALL_TRUE,
    StabilityReport,
)

SETTINGS = {
    ALL_PREDICTED: "All predicted: every energy of the hull is one that the model predicts without having seen it; "
    "the truth is the hull of all reference energies.",
    KNOWN_HULL: "Known hull: the hull is that of the training set's reference energies, for the prediction and for the "
    "truth; the energy of the compound alone is predicted.",
    KNOWN_HULL_ALL_TRUE: "Known hull, whole truth: predictions with the hull of the training set's reference energies, "
    "held against the hull of all reference energies, so that unknown competitors count as errors.",
}
TRUTH = {ALL_PREDICTED: "true_all", KNOWN_HULL: "true_known", KNOWN_HULL_ALL_TRUE: "true_all"}
"""Column of the true ΔHd in `stability.parquet`, by setting."""


def read_stability(folder: Path) -> StabilityReport | None:
    """Return `stability.json` of a run; None if there is none.

    Raises:
        DataError: The file is not one of this workflow.
    """
    path = folder / "stability.json"
    if not path.is_file():
        return None
    try:
        return StabilityReport.read(path)
    except ValidationError as error:
        raise DataError(
            f"{path}: no file of this version of elemflow ({error.errors()[0]['msg']}). Delete it."
        ) from error


def read_compounds(folder: Path) -> pd.DataFrame:
    """Return `stability.parquet` of a run."""
    return read_frame(folder / "stability.parquet")


def predicted_columns(setting: str, table: pd.DataFrame) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns of ΔHd and of P(stable) that a table has for a setting, by decider."""
    columns = COLUMNS_ALL_PREDICTED if setting == ALL_PREDICTED else COLUMNS
    decided, chances = ({name: pair[place] for name, pair in columns.items()} for place in (0, 1))
    return (
        {name: column for name, column in decided.items() if column and column in table},
        {name: column for name, column in chances.items() if column and column in table},
    )


def describe_setting(setting: str) -> str:
    """Return what a setting means, in a sentence."""
    return SETTINGS[setting]


def setting_of(planned: PlannedFigure) -> str:
    """Return the one setting of the cells of a figure.

    Raises:
        DataError: They have none, or several.
    """
    found = {series.setting for series in planned.series}
    if len(found) != 1 or "" in found:
        raise DataError(
            f"figure {planned.study}/{planned.figure}: its cells have the settings {sorted(found)}. Give one "
            f"`setting` in its "
            f"`defaults`: {', '.join(SETTINGS)}."
        )
    return found.pop()
