"""`elemflow stable`: energy, ΔHd, P(stable) and products of formulas and tables, and what it refuses."""

import csv
import io
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories.predicting import FORMULAS, write_run
from PIL import Image

from elemflow.chemistry.composition import amounts, canonical
from elemflow.core.files import write_json
from elemflow.stability.competition import Competition
from elemflow.stability.hull import decompose
from elemflow.stability.phases import HullFile, Phases
from elemflow.stability.records import CalibrationCurve, Intervals, StabilityReport
from elemflow.stability.trees import fit_hull_trees, fit_second_stage

KNOWN = ["Fe2O3", "FeO", "Fe3O4", "CoO", "FeCoO3", "CaO"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A run whose property is in eV/atom, with a hull and a calibration."""
    folder = tmp_path_factory.mktemp("stable")
    run = write_run(folder)
    for path in (run / "run_info.json", *run.glob("model/*.json")):
        if '"eV"' in path.read_text():
            path.write_text(path.read_text().replace('"eV"', '"eV/atom"'))
    formulas = sorted(map(canonical, KNOWN))
    phases = Phases.of(formulas, -np.linspace(0.5, 1.0, len(formulas)), "here")
    values = phases.energies - decompose(Competition(phases.compositions), phases.energies).hull_energy
    HullFile(phases, values, {"dataset": "toy"}).write(folder / "results/hulls/toy/gap.parquet")
    curve = CalibrationCurve(decomposition=(-1.0, 1.0), probability=(1.0, 0.0))
    write_json(run / "stability.json", StabilityReport(settings={}, calibration=curve).plain())
    return folder


@pytest.fixture
def stable(project, monkeypatch):
    from click.testing import CliRunner

    from elemflow.cli.main import main

    monkeypatch.chdir(project)
    return lambda *arguments, stdin=None: CliRunner().invoke(main, ["stable", *map(str, arguments)], input=stdin)


def rows_of(done):
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_further_columns_of_a_table_are_kept(stable, tmp_path):
    (tmp_path / "t.csv").write_text("id,formula,products\n007,Fe2CoO4,mine\n008,CaFeO2,\n")
    done = stable(tmp_path / "t.csv", "-o", tmp_path / "o.parquet")
    assert (done.exit_code, "'products' to 'products_given'" in done.stderr) == (0, True)
    found = pq.read_table(tmp_path / "o.parquet")
    assert found.column_names[:5] == ["formula", "composition", "id", "products_given", "gap"]
    assert found.column("id").to_pylist() == ["007", "008"]
    assert found.column("products_given").to_pylist() == ["mine", None]


def test_a_candidate_has_energy_height_probability_and_products(stable, project):
    (row, own) = rows_of(stable("Fe2CoO4", "Fe3O4", "--format", "csv"))
    hull = HullFile.read(project / "results/hulls/toy/gap.parquet")
    energies = dict(zip(hull.phases.compositions.formulas, hull.phases.energies, strict=True))
    height = float(row["decomposition"])
    assert height == pytest.approx(float(row["gap"]) - mixture_energy(row["products"], energies), abs=1e-3)
    assert float(row["p_stable"]) == pytest.approx(np.interp(height, [-1, 1], [1, 0]))
    assert row["competing"] == "CoFeO3"
    assert row["known_decomposition"] == ""
    assert float(own["known_decomposition"]) == pytest.approx(
        hull.decomposition[hull.phases.compositions.formulas.index("Fe3O4")]
    )
    assert "Fe3O4" not in own["products"]


def phases_of(hull):
    phases = HullFile.read(hull).phases
    return phases.compositions.formulas, phases.energies


def mixture_energy(products, energies):
    """Energy per atom of products such as 0.5 Fe2O3 + CoO."""
    atoms = energy = 0.0
    for product in products.split(" + "):
        number, _, name = product.rpartition(" ")
        n = float(number or 1) * sum(amounts(name).values())
        atoms, energy = atoms + n, energy + n * energies.get(name, 0.0)
    assert atoms == pytest.approx(7, abs=0.02)
    return energy / atoms


def test_a_table_is_streamed_and_bad_rows_are_kept_with_their_reason(stable, tmp_path):
    table = tmp_path / "candidates.csv"
    good = [f"Fe{i % 50 + 1}Co{i % 7 + 1}O{i % 9 + 1}" for i in range(20_500)]
    good[7], good[15_000] = "no formula", "Xx2O"
    table.write_text("formula\n" + "\n".join(good) + "\n")
    out = tmp_path / "out.csv"
    done = stable(table, "-o", out, "--skip", "--no-applicability")
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == 20_500
    assert [place for place, row in enumerate(rows) if row["reason"]] == [7, 15_000]
    assert rows[7]["decomposition"] == ""
    assert rows[20_499]["decomposition"] != ""
    assert stable(table, "-o", out).exit_code == 1  # without --skip the row is named


def test_a_table_with_a_row_that_cannot_be_read_writes_nothing(stable, tmp_path):
    table = tmp_path / "candidates.csv"
    table.write_text("formula\nFeO\nno formula\n")
    done = stable(table, "--format", "csv")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "row 2" in done.stderr


def test_without_competitors_the_elements_are_the_products(stable):
    (row,) = rows_of(stable("NiS", "--format", "csv"))
    assert row["products"] in ("Ni + S", "S + Ni")
    assert float(row["decomposition"]) == pytest.approx(float(row["gap"]))


def test_elements_have_no_stability(stable):
    (row,) = rows_of(stable("Fe", "--format", "csv"))
    assert row["gap"] != ""
    assert row["decomposition"] == row["products"] == ""


def test_the_terminal_shows_a_line_per_formula(stable):
    done = stable("Fe2CoO4", "FeO")
    header, first, second = done.stdout.splitlines()
    assert "P(stable)" in header
    assert first.startswith("Fe2CoO4")
    assert second.startswith("FeO")


@pytest.mark.parametrize("formulas", [["Fe2CoO4", "CoO"], ["Fe5O6"], ["FeCoNiO4"]])
def test_the_phase_diagram_of_two_to_four_elements(stable, tmp_path, formulas):
    done = stable(*formulas, "--figure", tmp_path / "system.png")
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "system.png") as image:
        assert min(image.size) > 500
    again = tmp_path / "again.png"
    stable(*formulas, "--figure", again)
    assert again.read_bytes() == (tmp_path / "system.png").read_bytes()


def test_what_cannot_be_drawn_is_refused(stable, tmp_path):
    done = stable("FeCoNiCaO4", "--figure", tmp_path / "system.png")
    assert done.exit_code == 1
    assert "Ca, Co, Fe, Ni, O" in done.output
    assert stable("Fe2CoO4", "--figure", tmp_path / "system.txt").exit_code == 1


def test_a_run_of_another_unit_is_refused(call):
    done = call("stable", "Fe2O3", "--run", "/m/")
    assert done.exit_code == 1
    assert "eV/atom" in done.output


def test_a_missing_hull_names_what_builds_it(stable, project, tmp_path):
    other = tmp_path / "project"
    shutil.copytree(project, other)
    (other / "results/hulls/toy/gap.parquet").unlink()
    done = stable("Fe2O3", "--results", other / "results")
    assert done.exit_code == 1
    assert "results/hulls/toy/gap.parquet" in done.output
    given = stable("Fe2O3", "--results", other / "results", "--hull", project / "results/hulls/toy/gap.parquet")
    assert given.exit_code == 0, given.output


def test_what_is_not_built_is_named_with_its_command(stable):
    done = stable("Fe2CoO4")
    assert "snakemake --cores 1" in done.stderr
    assert "stability.trees" in done.stderr


def test_the_base_that_ships_decides_and_says_how_its_energies_differ(stable, project):
    hull = project / "results/hulls/toy/gap.parquet"
    done = stable("Fe2CoO4", "FeO", "--model", "base", "--hull", hull, "--format", "csv")
    first, second = rows_of(done)
    assert first["p_stable"] == ""
    assert "gap.trees" in done.stderr  # what would give P(stable)
    assert "on the 5 known phases of these elements" in done.stderr
    energies = dict(zip(*phases_of(hull), strict=True))
    energy = float(second["mp_formation_energy"])
    assert -3 < energy < 0
    height = float(first["decomposition"])
    assert height == pytest.approx(
        float(first["mp_formation_energy"]) - mixture_energy(first["products"], energies), abs=1e-3
    )
    again = rows_of(stable("FeO", "--model", "base", "--property", "oqmd_formation_energy", "--hull", hull,
                           "--format", "csv"))  # fmt: skip
    assert float(again[0]["oqmd_formation_energy"]) != energy


def test_a_property_of_a_run_and_a_base_without_a_hull_are_refused(stable):
    assert stable("FeO", "--property", "gap").exit_code == 2
    done = stable("FeO", "--model", "base")
    assert done.exit_code == 1
    assert "--hull" in done.output


def test_trees_of_the_hull_give_a_probability_without_an_energy(stable, project, tmp_path):
    hull = tmp_path / "gap.parquet"
    shutil.copy(project / "results/hulls/toy/gap.parquet", hull)
    fit_hull_trees(hull, tmp_path / "gap.trees")
    done = stable("Fe2CoO4", "--model", "base", "--hull", hull, "--format", "csv")
    (row,) = rows_of(done)
    assert 0 <= float(row["p_stable"]) <= 1
    assert "alone" in done.stderr


def test_the_second_stage_of_a_run_gives_probability_and_interval(stable, project, tmp_path):
    other = tmp_path / "project"
    shutil.copytree(project, other)
    hull = other / "results/hulls/toy/gap.parquet"
    known = HullFile.read(hull)
    [run] = {path.parent for path in other.rglob("stability.json")}
    n = len(known.phases)
    columns = {
        "composition": list(known.phases.compositions.formulas), "split": pa.array([0] * n, pa.int16()),
        "energy_true": known.phases.energies, "energy_predicted": known.phases.energies + 0.1,
    }  # fmt: skip
    pq.write_table(pa.table(columns), run / "stability.parquet")
    fit_second_stage(hull, run / "stability.parquet", run / "stability.trees")
    fit_hull_trees(hull, hull.with_suffix(".trees"))
    report = StabilityReport.read(run / "stability.json")
    intervals = Intervals(kinds={}, edges=(), mean=0.1, quantiles=(2.0,))
    report = report.model_copy(update={"intervals": {"second_stage": intervals}})
    write_json(run / "stability.json", report.plain())
    (row,) = rows_of(stable("Fe2CoO4", "--results", other / "results", "--format", "csv"))
    low, estimate, high = (float(row[f"estimate{end}"]) for end in ("_lower", "", "_upper"))
    assert high - estimate == pytest.approx(estimate - low)
    assert high - estimate >= 0.2
    assert float(row["p_stable"]) == pytest.approx(float((known.decomposition <= 0).mean()), abs=0.01)


def test_every_training_formula_can_be_decided(stable):
    rows = rows_of(stable(*FORMULAS[:20], "--format", "csv"))
    assert all(0 <= float(row["p_stable"]) <= 1 for row in rows)


def test_all_neutral_formulas_of_a_system_are_decided(stable):
    rows = rows_of(stable("--system", "Fe-Co-O", "--most-atoms", "8", "--format", "csv"))
    assert {"CoFe2O4", "CoFeO2"} <= {row["composition"] for row in rows}
    assert stable("--system", "Fe-Co").exit_code == 2
    assert stable("FeO", "--system", "Fe-O").exit_code == 2
    assert stable().exit_code == 2
