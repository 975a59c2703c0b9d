"""Combinatorial search: candidates ranked by the predictions of a trained run, and evaluated where they are known.

Jha et al., KDD (2019), section 4.3.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from elemflow.chemistry import crystal
from elemflow.chemistry.crystal_properties import spacegroup
from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json, write_text
from elemflow.core.parquet import read_frame, read_schema, read_table, row_groups
from elemflow.core.roles import Role
from elemflow.core.spreadsheet import guard_frame
from elemflow.evaluation.candidates import CandidateScore, score_candidates
from elemflow.evaluation.records import Report
from elemflow.features.store import read_features
from elemflow.inference.trained_run import TrainedRun
from elemflow.splits.leakage import compositions_of, reduced
from elemflow.training.backend import Backend
from elemflow.training.fine_tuning import PretrainingFiles
from elemflow.training.run_config import RunConfig
from elemflow.training.storage import read_run_config

BATCH_ROWS = 20_000
"""Candidates that are predicted at once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RankingInputs:
    """Files of the candidates, and of the run that predicts them.

    Attributes:
        candidates: `materials.parquet` of the candidates.
        features: Their feature files, in the order of the run's representation.
        known: `materials.parquet` of the run's dataset.
        split: Split file of the run.
        model_folder: `model` of the run.
        run_info: `run_info.json` of the run.
        report: `report` of the run's protocol.
        pretrained: Files of its pre-training run, if it has one.
    """

    candidates: Path
    features: Sequence[Path]
    known: Path
    split: Path
    model_folder: Path
    run_info: Path
    report: Report
    pretrained: PretrainingFiles | None = None


@dataclass(frozen=True)
class Ranking:
    """Ranked candidates.

    Attributes:
        table: A row per candidate, lowest prediction first: `rank`, `material_id`, `composition`, `entry_id`,
            `prediction` (mean over the members), `spread` (sample standard deviation over them), `known` value,
            `unseen_by` (number of members that saw no entry of its composition) and their mean `unseen_prediction`.
        score: Evaluation of the known candidates.
        config: Configuration of the run.
    """

    table: pd.DataFrame
    score: CandidateScore
    config: RunConfig


def rank_candidates(inputs: RankingInputs, backend: Backend | None = None) -> Ranking:
    """Return the candidates by the predictions of all members of a run, lowest first.

    A candidate is known if the dataset of the run has an entry of its composition and space group; of several the one
    with the lowest value counts. It is evaluated with the mean of the members that saw no entry of its composition, and
    is not part of the score where there are none. A member has seen its training and validation materials, those of the
    network that it was fine-tuned from, and its test materials where the protocol uses them for early stopping or to
    select a member. With folds every known candidate is evaluated, unless these select. Of several candidates for one
    entry, such as both orders of the cations of a perovskite, the one that those members predict lowest is evaluated.

    Args:
        inputs: Files of the candidates and of the run.
        backend: Keras backend of this process; None shares one with one thread.

    Raises:
        DataError: The run has no result, no candidate has features, or a split does not fit its materials.
    """
    if reason := read_json(inputs.run_info).get("not_run"):
        raise DataError(f"{inputs.run_info}: the run has no result ({reason}), so it cannot predict.")
    trained = TrainedRun(inputs.model_folder, backend)
    ids, predicted = predict_candidates(trained, inputs.features)
    if not len(ids):
        raise DataError(f"{inputs.features[0]}: no candidate has features; see the rejected ones next to it.")
    named = read_frame(inputs.candidates, ["material_id", "composition", "entry_id"])
    table = named.set_index("material_id").reindex(ids).reset_index()
    table["prediction"] = predicted.mean(axis=0)
    table["spread"] = predicted.std(axis=0, ddof=1) if len(predicted) > 1 else np.nan
    known = _known_values(table, inputs.candidates, inputs.known, trained.config.run.property)
    table = table.join(known, on="material_id")
    unseen = _unseen(table, inputs, trained)
    table["unseen_by"] = pd.Series(unseen.sum(axis=0), dtype="Int64").mask(table["known"].isna())
    table["unseen_prediction"] = np.ma.masked_array(predicted, ~unseen).mean(axis=0).filled(np.nan)
    table = table.sort_values(["prediction", "material_id"], ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return Ranking(table, score_candidates(table), trained.config)


def write_ranking(ranking: Ranking, table: Path, score: Path) -> None:
    """Write all ranked candidates as CSV, and their score as JSON.

    Args:
        ranking: The candidates.
        table: Written: `Ranking.table`.
        score: Written: the fields of `CandidateScore`.
    """
    write_text(table, guard_frame(ranking.table).to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    write_json(score, asdict(ranking.score))


def predict_candidates(trained: TrainedRun, features: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of the candidates that have features and their predictions by all members.

    Args:
        trained: The run.
        features: Feature files of the candidates, in the order of the run's representation.

    Returns:
        Ids (candidates,) and predictions in the unit of the property (members, candidates).

    Raises:
        DataError: The network cannot read a candidate.
    """
    ids = read_table(features[0], ["material_id"]).column(0).to_pylist()
    kept, pieces = [np.empty(0, dtype=object)], [np.empty((len(trained.members), 0))]
    for first in range(0, len(ids), BATCH_ROWS):
        found, x = read_features(features, ids[first : first + BATCH_ROWS])
        if len(found):
            trained.check_inputs(x, found)
            kept.append(found)
            pieces.append(trained.predict(x))
    return np.concatenate(kept), np.concatenate(pieces, axis=1)


def _known_values(table: pd.DataFrame, candidates: Path, known: Path, property_id: str) -> pd.Series:
    """Return the values of the candidates that the dataset has, by their ids."""
    if crystal.COLUMN not in read_schema(known).names:
        return pd.Series(name="known", index=pd.Index([], dtype=object), dtype=float)
    entries = _with_structures(known, table["composition"].tolist(), property_id).dropna(subset=[property_id])
    found = _with_structures(candidates, entries["composition"].tolist(), "entry_id")
    for frame in (entries, found):
        frame["spacegroup"] = [spacegroup(crystal.decode(data)) for data in frame.pop(crystal.COLUMN)]
    lowest = entries.groupby(["composition", "spacegroup"])[property_id].min().rename("known")
    found = found.join(lowest, on=["composition", "spacegroup"]).dropna(subset=["known"])
    return found.set_index("material_id")["known"].astype(float)


def _with_structures(materials: Path, compositions: Sequence[str], column: str) -> pd.DataFrame:
    """Return the materials of some compositions that have a structure; one row group is in memory at a time."""
    names, pieces = ["material_id", "composition", column, crystal.COLUMN], []
    wanted = list(dict.fromkeys(compositions))
    for rows in row_groups(materials, names):
        keep = pc.is_in(rows["composition"], value_set=pa.array(wanted, rows.schema.field("composition").type))
        pieces.append(rows.filter(pc.and_(keep, pc.is_valid(rows[crystal.COLUMN]))).to_pandas())
    return pd.concat(pieces, ignore_index=True)


def roles_seen(config: RunConfig, report: Report = "mean") -> tuple[Role, ...]:
    """Return the roles whose materials influenced the members of a run, by fitting, early stopping or selection.

    Args:
        config: Configuration of the run.
        report: `report` of its protocol.
    """
    training = config.protocol.training
    # Estimators are not stopped early, whatever their protocol says of networks.
    early_stopping = training.early_stopping if training and isinstance(config.model, NetworkModel) else None
    by_test = report == "best_on_test" or (early_stopping is not None and early_stopping.monitor == "test")
    seen = (Role.TRAIN, Role.VALIDATION)
    return (*seen, Role.TEST) if by_test else seen


def _unseen(table: pd.DataFrame, inputs: RankingInputs, trained: TrainedRun) -> np.ndarray:
    """Return whether a candidate is known and no entry of its composition was seen (members, candidates)."""
    seen = [compositions_of(inputs.split, inputs.known, roles_seen(trained.config, inputs.report))]
    if inputs.pretrained:
        config = read_run_config(inputs.pretrained.model)
        seen.append(compositions_of(inputs.pretrained.split, inputs.pretrained.materials, roles_seen(config)))
    compositions = pd.Series(reduced(table["composition"], inputs.candidates), index=table.index)
    known = table["known"].notna().to_numpy()
    of_members = [_seen_by(member.number, seen) for member in trained.members]
    return np.stack([known & ~compositions.isin(of_member).to_numpy() for of_member in of_members])


def _seen_by(member: int, seen: Sequence[Mapping[int, set[str]]]) -> set[str]:
    """Return the compositions that a member saw, in the runs that it comes from."""
    return set().union(*(compositions.get(member, set()) for compositions in seen))
