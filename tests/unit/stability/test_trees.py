"""Trees for new compounds: the file, what they were fitted on, and that known phases around a compound reach it."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.chemistry.composition import canonical
from elemflow.core.errors import DataError
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.hull import decompose
from elemflow.stability.hull_features import KnownHull, hull_features
from elemflow.stability.phases import HullFile, Phases
from elemflow.stability.trees import FittedTrees, KnownErrors, Neighbourhood, fit_hull_trees, fit_second_stage

CANDIDATES = tuple(sorted(map(canonical, ["LiMn3O5", "NaFe2S4", "Li3Na2O", "MnS3"])))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A hull, and the energies of a run of three folds that are right but for one element."""
    folder = tmp_path_factory.mktemp("trees")
    rng = np.random.default_rng(0)
    found = {}
    while len(found) < 240:
        chosen = rng.choice(("Li", "Na", "Mn", "Fe", "O", "S"), rng.integers(2, 4), replace=False)
        found[canonical("".join(f"{e}{rng.integers(1, 5)}" for e in chosen))] = rng.normal(-1, 0.3)
    phases = Phases.of(list(found), np.array(list(found.values())), "here")
    values = phases.energies - decompose(Competition(phases.compositions), phases.energies).hull_energy
    HullFile(phases, values, {"dataset": "toy"}).write(folder / "hull.parquet")
    formulas = list(phases.compositions.formulas)
    predicted = phases.energies + rng.normal(0, 0.05, len(phases))
    table = {
        "composition": formulas[::-1],
        "split": pa.array(np.arange(len(phases)) % 3, pa.int16()),
        "energy_true": phases.energies[::-1],
        "energy_predicted": predicted[::-1],
    }
    pq.write_table(pa.table(table), folder / "stability.parquet")
    fit_hull_trees(folder / "hull.parquet", folder / "hull.trees")
    fit_second_stage(folder / "hull.parquet", folder / "stability.parquet", folder / "stability.trees")
    return folder


def read(folder, name="stability", table="stability.parquet"):
    return FittedTrees.read(
        folder / f"{name}.trees", HullFile.read(folder / "hull.parquet"), folder / table if table else None
    )


def test_equal_inputs_give_equal_files(folder, tmp_path):
    fit_second_stage(folder / "hull.parquet", folder / "stability.parquet", tmp_path / "again.trees")
    assert (tmp_path / "again.trees").read_bytes() == (folder / "stability.trees").read_bytes()


def test_probability_falls_as_the_predicted_energy_rises(folder):
    targets = Compositions.of(CANDIDATES)
    low, high = (read(folder).predict(targets, np.full(len(targets), energy)) for energy in (-2.0, 0.0))
    assert (low[0] < high[0]).all()
    assert low[1].mean() > high[1].mean()
    assert ((low[1] >= 0) & (low[1] <= 1)).all()


def test_trees_of_the_hull_read_no_energy(folder):
    trees = read(folder, "hull", None)
    targets = Compositions.of(CANDIDATES)
    first, second = (trees.predict(targets, np.full(len(targets), energy)) for energy in (-2.0, 0.0))
    np.testing.assert_array_equal(first, second)


def test_features_of_new_compounds_are_those_of_the_hull(folder):
    hull = HullFile.read(folder / "hull.parquet")
    own = Competition(hull.phases.compositions)
    known = KnownHull.of(own, hull.phases.energies, np.ones(len(hull.phases), dtype=bool))
    asked = Competition(Compositions.of(CANDIDATES), hull.phases.compositions)
    expected, _ = hull_features(asked, known, np.arange(len(CANDIDATES)))
    found, _ = Neighbourhood(hull).features(asked)
    np.testing.assert_allclose(found, expected)


def test_errors_are_read_by_fold(folder):
    hull = HullFile.read(folder / "hull.parquet")
    errors = KnownErrors.read(folder / "stability.parquet", hull)
    table = pq.read_table(folder / "stability.parquet").to_pandas().set_index("composition")
    table = table.loc[list(hull.phases.compositions.formulas)]
    assert sorted(np.concatenate([rows for rows, _ in errors.folds])) == list(range(len(hull.phases)))
    for number, (rows, own) in enumerate(errors.folds):
        assert (table["split"].to_numpy()[rows] == number).all()
        np.testing.assert_allclose(own, (table["energy_true"] - table["energy_predicted"]).to_numpy()[rows])


def test_another_hull_is_refused(folder, tmp_path):
    hull = HullFile.read(folder / "hull.parquet")
    formulas = hull.phases.compositions.formulas
    smaller = Phases(Compositions.of(formulas[:-1]), hull.phases.energies[:-1])
    with pytest.raises(DataError, match=r"hull\.trees: fitted on another hull"):
        FittedTrees.read(folder / "hull.trees", HullFile(smaller, hull.decomposition[:-1], {}))
    with pytest.raises(DataError, match=r"not those of the hull"):
        KnownErrors.read(folder / "stability.parquet", HullFile(smaller, hull.decomposition[:-1], {}))
    table = pq.read_table(folder / "stability.parquet").to_pandas()
    table.loc[0, "energy_true"] = np.nan
    table.to_parquet(tmp_path / "stability.parquet")
    with pytest.raises(DataError, match=r"energies are not those of the hull"):
        KnownErrors.read(tmp_path / "stability.parquet", hull)
    (tmp_path / "bad.trees").write_text("nothing")
    with pytest.raises(DataError, match="bad"):
        FittedTrees.read(tmp_path / "bad.trees", hull)
