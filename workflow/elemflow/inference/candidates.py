"""Combinatorial search: candidates ranked by the predictions of a trained run, and judged where they are known.

Jha et al., KDD (2019), section 4.3.
"""

import html
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from elemflow.chemistry import crystal as structures
from elemflow.chemistry.crystal_properties import spacegroup
from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json, write_text
from elemflow.core.run import Run
from elemflow.features.store import read_features
from elemflow.inference.stored_models import load_member, start
from elemflow.networks.build import check_inputs
from elemflow.splits.leakage import compositions_of, reduced
from elemflow.training.fine_tuning import PretrainingFiles

BLOCK = 20_000  # candidates that are predicted at once
TOP = 100  # candidates in the readable lists; the CSV has all
SEEN = ("train", "validation")  # roles by which a material has had a say in a model, whatever the protocol

log = logging.getLogger(__name__)


def rank_candidates(
    candidates: Path,
    features: Sequence[Path],
    known: Path,
    split: Path,
    model_folder: Path,
    run_info: Path,
    outputs: dict[str, Path],
    *,
    report: str,
    pretrained: PretrainingFiles | None = None,
    threads: int,
) -> None:
    """Predict every candidate by all members of a run, lowest prediction first.

    A candidate is known if the dataset of the run has an entry of its composition and space group; of several the one
    with the lowest value counts. It is judged by the mean of the members that saw no entry of its composition
    (`unseen_by` of them, `unseen_prediction`), and left out of the score where there are none. A member has seen its
    training and validation materials, those of the network that it started from, and its test materials where the
    protocol stops or chooses by them. With folds every known candidate is judged, unless these choose. Of several
    candidates for one entry, such as both orders of the cations of a perovskite, the one that those members predict
    lowest is judged.

    Args:
        candidates: `materials.parquet` of the candidates.
        features: Their feature files, in the order of the run's representation.
        known: `materials.parquet` of the run's dataset.
        split: Split file of the run.
        model_folder: `model` of the run.
        run_info: `run_info.json` of the run.
        outputs: Written: `csv` (all candidates), `md` and `html` (the best), `score` (JSON: `candidates`, `known`,
            `known_and_unseen`, the entries of the dataset among the latter `entries_judged`, and over these `mae`,
            and `mae_of_the_mean`, which is the error of predicting their mean; null without any).
        report: `report` of the run's protocol.
        pretrained: Files of its source run, if it has one.
        threads: CPU threads to use.

    Raises:
        DataError: The run has no result, no candidate has features, or a division does not fit its materials.
    """
    about = read_json(run_info)
    if about.get("not_run"):
        raise DataError(f"{run_info}: the run has no result ({about['not_run']}), so it predicts nothing.")
    property_id = about["cfg"]["run"]["property"]
    ids, predicted = _predict(features, model_folder, about, threads)
    if not len(ids):
        raise DataError(f"{features[0]}: no candidate has features; see the rejected ones beside it.")
    named = pd.read_parquet(candidates, columns=["material_id", "composition", "entry_id"]).set_index("material_id")
    table = named.reindex(ids).reset_index()
    table["prediction"] = predicted.mean(axis=0)
    table["spread"] = predicted.std(axis=0, ddof=1) if len(predicted) > 1 else np.nan
    table = table.join(_known_values(table, candidates, known, property_id), on="material_id")
    seen = [compositions_of(split, known, _parts_seen(about["cfg"], report))]
    if pretrained:
        source = read_json(pretrained.model / "model.json")
        seen.append(compositions_of(pretrained.split, pretrained.materials, _parts_seen(source)))
    table["reduced"] = reduced(table["composition"], candidates)
    unseen = _unseen(table, seen, [int(member) for member in about["members"]])
    table["unseen_by"] = pd.Series(unseen.sum(axis=0), dtype="Int64").mask(table["known"].isna())
    table["unseen_prediction"] = np.ma.masked_array(predicted, ~unseen).mean(axis=0).filled(np.nan)
    table = table.drop(columns="reduced").sort_values(["prediction", "material_id"], ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    write_text(outputs["csv"], table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    score = _score(table)
    write_json(outputs["score"], score)
    unit = about["cfg"]["property"]["unit"]
    predictions = (f"predicted ({unit})", "spread", "known", "members without it", "by them")
    head = ("rank", "candidate", "composition", *predictions)
    rows = list(_shown(table.head(TOP)))
    told = _tell(score, about["cfg"]["run"], unit)
    write_text(outputs["md"], _markdown(head, rows, told))
    write_text(outputs["html"], _page(head, rows, told))
    log.info("%s", told)


def _predict(
    features: Sequence[Path], model_folder: Path, about: dict[str, Any], threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the candidates that have features and the predictions of all members (members, candidates)."""
    start(about, threads)
    models = [load_member(model_folder, int(member)) for member in about["members"]]
    ids = pq.read_table(features[0], columns=["material_id"]).column(0).to_pylist()
    kept, pieces = [], []
    for first in range(0, len(ids), BLOCK):
        found, x = read_features(features, ids[first : first + BLOCK])
        if len(found):
            if about["cfg"]["model"]["kind"] == "network":
                check_inputs(NetworkModel.model_validate(about["cfg"]["model"]).spec, x, found)
            kept.append(found)
            pieces.append(np.stack([model.ask(model.scale(x)) for model in models]))
    if not kept:
        return np.empty(0, dtype=object), np.empty((len(models), 0))
    return np.concatenate(kept), np.concatenate(pieces, axis=1)


def _known_values(table: pd.DataFrame, candidates: Path, known: Path, property_id: str) -> pd.Series:
    """Return the values of the candidates that the dataset has, by their ids."""
    if structures.COLUMN not in pq.read_schema(known).names:
        return pd.Series(name="known", index=pd.Index([], dtype=object), dtype=float)
    entries = _with_structures(known, table["composition"].tolist(), property_id).dropna(subset=[property_id])
    found = _with_structures(candidates, entries["composition"].tolist(), "entry_id")
    for frame in (entries, found):
        frame["spacegroup"] = [spacegroup(structures.decode(data)) for data in frame.pop(structures.COLUMN)]
    lowest = entries.groupby(["composition", "spacegroup"])[property_id].min().rename("known")
    found = found.join(lowest, on=["composition", "spacegroup"]).dropna(subset=["known"])
    return found.set_index("material_id")["known"].astype(float)


def _parts_seen(cfg: Mapping[str, Any], report: str = "mean") -> tuple[str, ...]:
    """Return the parts of a division by which the members of a run were fitted, stopped or chosen.

    Args:
        cfg: What the run depends on; see `elemflow.training.job.train_run`.
        report: `report` of its protocol.
    """
    # Estimators are not stopped by epochs, whatever their protocol says of networks.
    stopping = cfg["protocol"]["training"]["early_stopping"] if cfg["model"]["kind"] == "network" else None
    by_test = report == "best_on_test" or (stopping and stopping["monitor"] == "test")
    return (*SEEN, "test") if by_test else SEEN


def _unseen(table: pd.DataFrame, seen: Sequence[Mapping[int, set[str]]], members: Sequence[int]) -> np.ndarray:
    """Return for members and known candidates whether no entry of the composition was seen (members, candidates).

    Args:
        table: Candidates with `reduced` composition and `known` value.
        seen: Compositions by member, in each division.
        members: Numbers of the members.
    """
    known = table["known"].notna().to_numpy()
    of_member = [set().union(*(division.get(member, set()) for division in seen)) for member in members]
    return np.stack([known & ~table["reduced"].isin(compositions).to_numpy() for compositions in of_member])


def _with_structures(materials: Path, compositions: Sequence[str], column: str) -> pd.DataFrame:
    """Return the materials of some compositions that have a structure; one row group is in memory at a time."""
    names, pieces = ["material_id", "composition", column, structures.COLUMN], []
    wanted = list(dict.fromkeys(compositions))
    with pq.ParquetFile(materials) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=names)
            keep = pc.is_in(rows["composition"], value_set=pa.array(wanted, rows.schema.field("composition").type))
            pieces.append(rows.filter(pc.and_(keep, pc.is_valid(rows[structures.COLUMN]))).to_pandas())
    return pd.concat(pieces, ignore_index=True)


def _score(table: pd.DataFrame) -> dict[str, Any]:
    unseen = table.dropna(subset=["unseen_prediction"])
    judged = unseen.sort_values(["unseen_prediction", "material_id"]).drop_duplicates(["composition", "known"])
    errors = (judged["unseen_prediction"] - judged["known"]).abs()
    spread = (judged["known"] - judged["known"].mean()).abs()
    return {
        "candidates": len(table),
        "known": int(table["known"].notna().sum()),
        "known_and_unseen": len(unseen),
        "entries_judged": len(judged),
        "mae": float(errors.mean()) if len(judged) else None,
        "mae_of_the_mean": float(spread.mean()) if len(judged) else None,
    }


def _tell(score: dict[str, Any], run: dict[str, str], unit: str) -> str:
    path = Run.of(run).path
    told = (
        f"{score['candidates']:,} candidates by the lowest predicted {run['property'].replace('_', ' ')}; run "
        f"{path}. The dataset of the run knows {score['known']:,} of them"
    )
    if score["mae"] is None:
        return f"{told}, none by a composition that a member was made without."
    return (
        f"{told}, {score['known_and_unseen']:,} by compositions that members were made without. Mean absolute error of "
        f"these members over the entries judged ({score['entries_judged']:,}): {score['mae']:.3f} {unit}; of "
        f"predicting the mean of these entries: {score['mae_of_the_mean']:.3f} {unit}."
    )


def _shown(table: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    for row in table.to_dict("records"):
        numbers = ("" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in ("prediction", "spread", "known"))
        without = "" if pd.isna(row["unseen_by"]) else str(row["unseen_by"])
        by_them = "" if pd.isna(row["unseen_prediction"]) else f"{row['unseen_prediction']:.3f}"
        yield (str(row["rank"]), str(row["entry_id"]), str(row["composition"]), *numbers, without, by_them)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]], told: str) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join([told, "", *(f"| {' | '.join(line)} |" for line in lines)]) + "\n"


def _page(head: Sequence[str], rows: Sequence[Sequence[str]], told: str) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"

    body = "\n".join([line(head, "th"), *(line(row, "td") for row in rows)])
    style = (
        "body{font-family:sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Candidates</title><style>{style}</style>'
        f"</head><body><h1>Candidates</h1><p>{html.escape(told)}</p>\n<table>{body}</table></body></html>\n"
    )
