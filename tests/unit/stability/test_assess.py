"""Assessment of a run: both settings, what second models learn from, and that no test energy reaches a prediction."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.chemistry.composition import canonical
from elemflow.core.errors import DataError
from elemflow.splits.schemes.registry import read_split
from elemflow.stability import records
from elemflow.stability.assess import Inputs, assess_run
from elemflow.stability.records import StabilityReport

ROLES = ("train", "validation", "test")
FOLDS = {"scheme": "k_fold", "folds": 3, "seed": 1, "validation": 0.1, "members_per_fold": 2}
PAIRS = {"scheme": "k_fold_pairs", "folds": 3, "seed": 1}


def make_compounds(n=90, seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    while len(found) < n:
        chosen = rng.choice(("Li", "Na", "Mn", "Fe", "O", "S"), rng.integers(2, 4), replace=False)
        found[canonical("".join(f"{e}{rng.integers(1, 4)}" for e in chosen))] = rng.normal(-1, 0.3)
    return list(found), np.array(list(found.values()))


def write_run(folder, formulas, energies, split, *, seed=0, name="predictions"):
    """Write split and predictions of a run whose predictions do not depend on the energies."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(-1, 0.3, 200_000)
    rows, kept = [], []
    for member, roles in enumerate(read_split(split).members(formulas)):
        for place, role in enumerate(roles):
            kept.append((formulas[place], member, ROLES[role]))
            if ROLES[role] == "test":
                rows.append((formulas[place], member, "test", energies[place], noise[member * len(formulas) + place]))
    columns = ("material_id", "member", "role", "y_true", "y_pred")
    pq.write_table(pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True))), folder / f"{name}.parquet")
    pq.write_table(
        pa.table(dict(zip(columns[:3], zip(*kept, strict=True), strict=True))), folder / f"{name}_split.parquet"
    )


def write_materials(folder, formulas, energies):
    fields = [pa.field("composition", pa.string()), pa.field("energy", pa.float64(), metadata={"unit": "eV/atom"})]
    schema = pa.schema(fields)
    pq.write_table(
        pa.table([pa.array([*formulas, "Fe"]), pa.array([*energies, 0.0])], schema=schema), folder / "materials.parquet"
    )


def assess(folder, formulas, energies, *, split=FOLDS, nested=PAIRS):
    folder.mkdir(exist_ok=True)
    write_materials(folder, formulas, energies)
    write_run(folder, [*formulas, "Fe"], [*energies, 0.0], split)
    if nested:
        write_run(folder, [*formulas, "Fe"], [*energies, 0.0], nested, seed=5, name="nested")
    inputs = Inputs(
        folder / "predictions.parquet", folder / "materials.parquet", folder / "predictions_split.parquet", "energy",
        read_split(split).members_per_split, folder / "nested.parquet" if nested else None,
    )  # fmt: skip
    assess_run(inputs, folder / "stability.parquet", folder / "stability.json")
    return pq.read_table(folder / "stability.parquet").to_pandas(), StabilityReport.read(folder / "stability.json")


def test_every_compound_has_every_setting(tmp_path):
    formulas, energies = make_compounds()
    table, report = assess(tmp_path, formulas, energies)
    assert sorted(table["composition"]) == sorted(formulas)  # each tested once; the element is left out
    assert set(report.settings) == set(records.SETTINGS)
    assert set(report.settings[records.KNOWN_HULL]) == set(records.COLUMNS)
    assert set(report.settings[records.ALL_PREDICTED]) == set(records.COLUMNS_ALL_PREDICTED)
    assert set(records.COLUMNS) | set(records.COLUMNS_ALL_PREDICTED) == set(records.DECIDERS)
    assert set(report.intervals) == {"energy", "blend", "second_stage"}
    assert set(report.sets) == set(records.COLUMNS) - {"substitution"}
    assert report.missing == {}
    known = report.settings[records.KNOWN_HULL]["energy"]
    assert known.mae_energy == pytest.approx((table["energy_predicted"] - table["energy_true"]).abs().mean())
    assert sum(group.n for group in known.by_chemistry.values()) == len(table)
    assert known.mae_decomposition == pytest.approx(known.mae_energy)  # both lie above the same hull
    error = (table["all_predicted"] - table["true_all"]).abs().mean()
    assert report.settings[records.ALL_PREDICTED]["energy"].mae_decomposition == pytest.approx(error)
    assert json.loads((tmp_path / "stability.json").read_text())["settings"].keys() == set(records.SETTINGS)


def test_energies_of_the_test_fold_change_no_prediction_for_it(tmp_path):
    formulas, energies = make_compounds()
    first, _ = assess(tmp_path / "a", formulas, energies)
    tested = first.loc[first["split"] == 1, "composition"]
    other = np.where(np.isin(formulas, tested), energies + np.linspace(-0.5, 0.5, len(formulas)), energies)
    second, _ = assess(tmp_path / "b", formulas, other)
    names = [
        "energy", "all_networks", "substitution", "hull", "hull_classifier", "blend", "second_stage",
        "second_stage_classifier", "trained", "trained_classifier",
    ]  # fmt: skip
    own = first["split"] == 1
    np.testing.assert_array_equal(first.loc[own, names], second.loc[own, names])
    assert (first.loc[own, "true_known"] != second.loc[own, "true_known"]).all()
    assert (first.loc[~own, "substitution"] != second.loc[~own, "substitution"]).any()


def test_without_a_nested_run_there_is_no_second_stage(tmp_path):
    formulas, energies = make_compounds()
    _, report = assess(tmp_path, formulas, energies, nested=None)
    assert set(report.settings[records.KNOWN_HULL]) == {"energy", "substitution", "hull", "hull_classifier", "blend"}
    assert "second_stage" in report.missing


def test_a_nested_run_of_other_folds_is_refused(tmp_path):
    formulas, energies = make_compounds()
    with pytest.raises(DataError, match=r"nested\.parquet"):
        assess(tmp_path, formulas, energies, nested=PAIRS | {"seed": 2})


def test_where_not_all_are_tested_the_hull_is_not_all_predicted(tmp_path):
    formulas, energies = make_compounds()
    split = {"scheme": "fractions", "train": 0.7, "validation": 0.1, "test": 0.2, "seed": 1, "members": 1}
    table, report = assess(tmp_path, formulas, energies, split=split, nested=None)
    assert len(table) == 18
    assert records.ALL_PREDICTED not in report.settings
    assert records.ALL_PREDICTED in report.missing


def test_of_polymorphs_the_lowest_predicted_energy_counts(tmp_path):
    formulas, energies = make_compounds()
    first, _ = assess(tmp_path / "a", formulas, energies)
    folder = tmp_path / "b"
    shutil.copytree(tmp_path / "a", folder)
    for name in ("predictions", "nested"):
        table = pq.read_table(folder / f"{name}.parquet").to_pandas()
        higher = table.assign(material_id=table["material_id"] + "#2", y_pred=table["y_pred"] + 0.5)
        table["material_id"] += "#1"
        both = pa.Table.from_pandas(pd.concat([higher, table]), preserve_index=False)
        pq.write_table(both, folder / f"{name}.parquet")
    inputs = Inputs(
        folder / "predictions.parquet", folder / "materials.parquet", folder / "predictions_split.parquet", "energy",
        2, folder / "nested.parquet",
    )  # fmt: skip
    assess_run(inputs, folder / "stability.parquet", folder / "stability.json")
    pd.testing.assert_frame_equal(pq.read_table(folder / "stability.parquet").to_pandas(), first)
