"""What outlives the training of one member: predictions, history, model and facts, in the unit of the property."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from elemflow.chemistry.material_id import composition_of
from elemflow.core.files import write_json, write_parquet
from elemflow.core.roles import EVALUATION_ROLES, ROLES, Role
from elemflow.features.scaling import Target
from elemflow.features.store import load_descriptors
from elemflow.multitask.trunk import seen_facts
from elemflow.training.data import MemberData, RoleData
from elemflow.training.fitter import Fitted
from elemflow.training.state import HistoryRow, Validation

log = logging.getLogger(__name__)

# Training rows would be most of predictions.parquet and are never reported.
PREDICTIONS = pa.schema(
    [
        ("material_id", pa.string()),
        ("member", pa.int32()),
        ("role", pa.string()),
        ("y_true", pa.float64()),
        ("y_pred", pa.float64()),
    ]
)

HISTORY = pa.schema(
    [
        ("member", pa.int32()),
        ("epoch", pa.int32()),
        ("step", pa.int64()),
        ("train_loss", pa.float64()),
        ("validation_mae", pa.float64()),
        ("learning_rate", pa.float64()),
        ("seconds", pa.float64()),
    ]
)
TEST_MAE = pa.field("test_mae", pa.float64())
"""Last column of the history of a run whose protocol records the error on the test set."""


def member_folder(checkpoint_folder: Path, member: int) -> Path:
    """Return the folder of a member in a checkpoint folder."""
    return checkpoint_folder / f"member-{member}"


def finish_member(folder: Path, data: MemberData, fitted: Fitted, seed: int, parts: Sequence[str] = ()) -> None:
    """Write everything that outlives the member's training; `done.json` last, since it marks the rest as complete.

    Args:
        folder: Folder of the member.
        data: Its rows.
        fitted: What was trained.
        seed: Its seed.
        parts: Parts of the representation.
    """
    target, data = data.target, data.in_unit or data
    tables, seconds = [], {}
    for role in sorted(EVALUATION_ROLES):
        started = time.monotonic()
        tables.append(_predict(data, role, fitted.predict, target))
        seconds[role] = time.monotonic() - started
    predictions = pa.concat_tables(tables)
    write_parquet(folder / "predictions.parquet", predictions)
    rows = [{"member": data.member} | asdict(_in_unit(row, target)) for row in fitted.history]
    recorded = any(row.get("test_mae") is not None for row in rows)
    schema = HISTORY.append(TEST_MAE) if recorded else HISTORY
    write_parquet(folder / "history.parquet", pa.Table.from_pylist(rows, schema=schema))
    (folder / "model").mkdir(exist_ok=True)
    fitted.save(folder / "model", f"member-{data.member}")
    facts = dict(fitted.facts)
    if "trials" in facts:
        facts["trials"] = [
            trial | {"validation_mae": _error_in_unit(trial["validation_mae"], target)} for trial in facts["trials"]
        ]
    write_json(
        folder / "done.json",
        facts
        | _seen_by_bases(parts, predictions)
        | {
            "seed": seed,
            "rows": {role.value: len(data.of(role)) for role in ROLES},
            "dropped_rows": data.dropped,
            "seconds_fitting": round(fitted.seconds, 3),
            "seconds_predicting": round(seconds[Role.TEST], 3),
        },
    )
    (folder / "state.npz").unlink(missing_ok=True)


def _seen_by_bases(parts: Sequence[str], predictions: pa.Table) -> dict[str, Any]:
    """Return what the base whose outputs are features had seen of the test materials; nothing if there is none."""
    found: dict[str, Any] = {}
    for part in parts:
        if (trunk := getattr(load_descriptors(part), "TRUNK", None)) is not None:
            test = predictions.filter(pc.equal(predictions["role"], Role.TEST.value))
            errors = np.abs(test["y_pred"].to_numpy() - test["y_true"].to_numpy())
            compositions = [composition_of(material) for material in test["material_id"].to_pylist()]
            found |= seen_facts(trunk.base, compositions, errors)
            log.info("the base of '%s' has seen %d of %d test materials", part, found["test_seen"], len(errors))
    return found


def _in_unit(row: HistoryRow, target: Target) -> HistoryRow:
    """Return a row of the history with its errors in the unit of the property; a loss stays as it is."""
    changed = replace(row, validation_mae=_error_in_unit(row.validation_mae, target))
    if isinstance(changed, Validation) and changed.test_mae is not None:
        return replace(changed, test_mae=_error_in_unit(changed.test_mae, target))
    return changed


def _error_in_unit(error: float | None, target: Target) -> float | None:
    return None if error is None else error * target.scale


def _predict(data: MemberData, role: Role, predict: Callable[[RoleData], np.ndarray], target: Target) -> pa.Table:
    rows = data.of(role)
    predicted = target.restore(predict(rows)) if len(rows) else np.empty(0)
    columns = [rows.material_id, np.full(len(rows), data.member), np.full(len(rows), role.value, dtype=object)]
    return pa.table([*columns, rows.y, predicted], schema=PREDICTIONS)
