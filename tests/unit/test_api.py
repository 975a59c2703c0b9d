"""The names of `import elemflow`: their examples run, they follow scikit-learn, and nothing heavy is imported early."""

import doctest
import pickle
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from factories.predicting import FORMULAS, write_run
from sklearn.base import clone, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesRegressor, StackingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

import elemflow
from elemflow import api
from elemflow.core.errors import ConfigError, DataError
from elemflow.features import transformer
from elemflow.features.materials import featurize_materials
from elemflow.inference import predictor
from elemflow.inference.exported import export_run

CIF = """data_NaCl
_cell_length_a 3.99
_cell_length_b 3.99
_cell_length_c 3.99
_cell_angle_alpha 60
_cell_angle_beta 60
_cell_angle_gamma 60
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na Na 0 0 0
Cl Cl 0.5 0.5 0.5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, root):
    """A project with the configuration, a run, an exported file and a table, as the examples have them."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(root / "config", folder / "config")
    shutil.copytree(root / "resources/data", folder / "resources/data")
    export_run(write_run(folder, name="trees"), folder / "gaps.elemflow")
    tables = folder / "results/tables/demo"
    tables.mkdir(parents=True)
    (tables / "errors.csv").write_text("row,column,reproduced\nKEFE,BRNet,0.09\nKEFE,extra trees,0.23\n")
    return folder


@pytest.fixture
def project_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("module", [api, transformer, predictor], ids=lambda module: module.__name__)
def test_examples_in_docstrings(project_folder, module):
    found = doctest.testmod(module)
    assert found.attempted > 3
    assert found.failed == 0


def test_the_session_of_the_guide(project_folder, root):
    page = root / "docs/guide/python.md"
    text = re.sub(r"^```.*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = doctest.DocTestRunner().run(doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0))
    assert found.attempted > 20
    assert found.failed == 0


def test_the_names_are_imported_when_they_are_used(root):
    code = (
        "import sys, elemflow\n"
        "early = {'pandas', 'sklearn', 'numpy'} & set(sys.modules)\n"
        "elemflow.Features\n"
        "print(sorted(early), 'sklearn' in sys.modules, 'tensorflow' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(root / "workflow")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True", "False"]
    assert set(elemflow.NAMES) <= set(dir(elemflow))
    assert set(elemflow.NAMES) < set(api.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = elemflow.nothing


def test_features_stand_in_a_pipeline():
    table = pd.DataFrame({"formula": FORMULAS, "y": np.arange(len(FORMULAS), dtype=float)})
    pipeline = make_pipeline(elemflow.Features("ef+pa"), ExtraTreesRegressor(2))
    predicted = clone(pipeline).fit(table["formula"], table["y"]).predict(table["formula"])
    assert predicted.shape == (len(FORMULAS),)
    np.testing.assert_array_equal(
        elemflow.Features("ef").transform(table[["formula"]]), elemflow.Features("ef").transform(FORMULAS)
    )
    framed = elemflow.Features("ef").set_output(transform="pandas").fit_transform(["NaCl"])
    assert framed.loc[0, "Na"] == 0.5
    assert len(elemflow.Features("ef+pa").get_feature_names_out()) == 86 + 145


def test_features_follow_the_conventions_of_scikit_learn():
    np.testing.assert_array_equal(*(elemflow.Features("ef").transform([text]) for text in ("Fe2O3", " Fe2O3\r\n")))
    features = elemflow.Features("ef", errors="nan")
    assert clone(features).get_params() == features.get_params() == {"representation": "ef", "errors": "nan"}
    assert eval(repr(features), {"Features": elemflow.Features}).get_params() == features.get_params()
    assert pickle.loads(pickle.dumps(features)).transform(["NaCl"]).shape == (1, 86)
    assert features.set_params(representation="pa").transform(np.array(["NaCl"])).shape == (1, 145)
    assert features.transform([]).shape == (0, 145)
    table = pd.DataFrame({"formula": FORMULAS, "temperature": 1.0}, index=range(5, 5 + len(FORMULAS)))
    for column in ("formula", ["formula"]):
        columns = ColumnTransformer(
            [("f", elemflow.Features(), column), ("rest", "passthrough", ["temperature"])],
            verbose_feature_names_out=False,
        ).set_output(transform="pandas")
        found = columns.fit_transform(table)
        assert found.columns.tolist() == columns.get_feature_names_out().tolist()
        assert found.columns.tolist()[-2:] == ["Pu", "temperature"]
        assert found.index.equals(table.index)


def test_a_search_chooses_the_representation():
    y = np.arange(len(FORMULAS), dtype=float)
    pipeline = make_pipeline(elemflow.Features(), ExtraTreesRegressor(2, random_state=0))
    search = GridSearchCV(pipeline, {"features__representation": ["ef", "pa"]}, cv=2).fit(FORMULAS, y)
    assert search.best_params_["features__representation"] in {"ef", "pa"}


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_an_unknown_way_with_errors_is_refused(method):
    with pytest.raises(ConfigError, match=r"errors='ignore'.*raise, nan"):
        getattr(elemflow.Features("ef", errors="ignore"), method)(["NaCl"])


def test_materials_without_features():
    with pytest.raises(DataError, match=r"row 2, 'nacl'.*Did you mean NaCl\?"):
        elemflow.Features("ef").transform(["GaAs", "nacl"])
    x = elemflow.Features("ef", errors="nan").transform(["GaAs", "nacl", "FeOg"])
    assert np.isnan(x).all(axis=1).tolist() == [False, True, True]
    with pytest.raises(ConfigError, match="'xx'"):
        elemflow.Features("xx").fit(["NaCl"])
    for wrong in ("NaCl", 3, np.zeros((2, 2)), {"a": 1}):
        with pytest.raises(ValueError, match="needed"):
            elemflow.Features("ef").transform(wrong)


def test_structures_and_formulas_have_the_features_of_their_composition():
    from pymatgen.core import Lattice, Structure

    cell = Lattice.from_parameters(3.99, 3.99, 3.99, 60, 60, 60)
    structure = Structure(cell, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = featurize_materials("st+ef", [CIF, structure, structure.as_dict(), "NaCl", 3])
    assert found.compositions[:4] == ["ClNa"] * 4
    assert [reason is None for reason in found.reasons] == [True, True, True, False, False]
    np.testing.assert_allclose(found.x[0], found.x[1], rtol=1e-5)
    np.testing.assert_array_equal(found.x[1], found.x[2])
    assert "no crystal structure" in str(found.reasons[3])
    assert "int" in str(found.reasons[4])


def test_a_predictor_by_run_part_of_its_id_and_file(project_folder):
    expected = elemflow.Predictor("gaps.elemflow").predict(["FeO2", "CoS2"])
    for name in ("results/runs/toy/gap/ef/trees/p", "gap trees"):
        np.testing.assert_array_equal(elemflow.Predictor(name).predict(pd.Series(["FeO2", "CoS2"])), expected)
    frame = elemflow.Predictor("gaps.elemflow").predict_frame(["FeO2", "nacl", CIF])
    assert frame["y_pred"].isna().tolist() == [False, True, False]
    assert frame["composition"].tolist()[2] == "ClNa"
    assert "Did you mean NaCl?" in frame["reason"][1]
    with pytest.raises(DataError, match="row 2, 'nacl'"):
        elemflow.Predictor("gaps.elemflow").predict(["FeO2", "nacl"])


def test_a_predictor_is_a_fitted_regressor_of_scikit_learn(project_folder):
    gaps = elemflow.Predictor("gaps.elemflow", level=80)
    x, y = FORMULAS[:20], np.arange(20, dtype=float)
    check_is_fitted(gaps)
    assert is_regressor(gaps)
    assert clone(gaps) is gaps
    assert gaps.get_params()["level"] == 80
    assert gaps.score(x, y) == pytest.approx(r2_score(y, gaps.predict(x)))
    scored = get_scorer("neg_mean_absolute_error")(gaps, x, y)
    assert scored == pytest.approx(-np.abs(gaps.predict(x) - y).mean())
    np.testing.assert_array_equal(Pipeline([("gaps", gaps)]).predict(x), gaps.predict(x))
    assert repr(gaps) == "<Predictor of gap in eV, 3 members: toy/gap/ef/trees/p>"


def test_a_predictor_is_not_fitted_again_but_can_be_frozen_and_stacked(project_folder):
    gaps = elemflow.Predictor("gaps.elemflow")
    x, y = np.array(FORMULAS[:20]), np.arange(20, dtype=float)
    with pytest.raises(TypeError, match="FrozenEstimator"):
        gaps.fit(x, y)
    assert cross_val_score(FrozenEstimator(gaps), x, y, cv=2).shape == (2,)
    trees = make_pipeline(elemflow.Features(), ExtraTreesRegressor(2, random_state=0)).fit(x, y)
    stack = StackingRegressor([("gaps", gaps), ("trees", trees)], Ridge(), cv="prefit").fit(x, y)
    assert stack.predict(x).shape == (20,)


def test_intervals_have_the_level_that_is_wanted(project_folder):
    gaps = elemflow.Predictor("gaps.elemflow")
    narrow, default = gaps.predict_interval(FORMULAS, level=50), gaps.predict_interval(FORMULAS)
    assert default.shape == (len(FORMULAS), 2)
    assert ((default[:, 1] - default[:, 0]) > (narrow[:, 1] - narrow[:, 0])).all()
    with pytest.raises(DataError, match="99 %"):
        gaps.predict_interval(["FeO2"], level=99)


def test_a_dataset_that_is_built_is_read_and_another_is_named(project_folder):
    built = project_folder / "results/datasets/kebg"
    built.mkdir(parents=True)
    pd.DataFrame({"composition": ["NaCl"], "band_gap": [8.5], "structure": [b""]}).to_parquet(
        built / "materials.parquet"
    )
    frame = elemflow.load_dataset("kebg")
    shutil.rmtree(built)
    assert frame.columns.tolist() == ["composition", "band_gap"]
    with pytest.raises(DataError, match="Did you mean 'kefe'"):
        elemflow.load_dataset("kef")
    with pytest.raises(DataError, match=r"snakemake --cores 1 results/datasets/mp/materials\.parquet"):
        elemflow.load_dataset("mp")


def test_results_and_runs(project_folder):
    assert len(elemflow.load_results("demo")) == 2
    for arguments, word in ((("dem",), "'demo'"), (("demo", "error"), "'errors'")):
        with pytest.raises(DataError, match=f"Did you mean {word}"):
            elemflow.load_results(*arguments)
    run = elemflow.load_run("trees")
    assert run.folder.parts[-2] == "trees"
    test = run.metrics.query("role == 'test'").set_index("member")["mae"]
    assert test.index.tolist() == ["0", "1", "2", "ensemble"]
    errors = run.predictions.query("role == 'test' and member == 0")
    assert test["0"] == pytest.approx((errors["y_pred"] - errors["y_true"]).abs().mean())
    assert run.info["cfg"]["run"]["model"] == "trees"
