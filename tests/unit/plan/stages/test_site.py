"""What the site of a build reads."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from elemflow.plan import paths
from elemflow.plan.site import SiteInputs
from elemflow.plan.workflow import Workflow

RECORDED = "kefe/formation_energy/ef/bnet/brnet2023"
JOB = SimpleNamespace()


@pytest.fixture(scope="module")
def workflows(root):
    return {how: Workflow.load({"studies": ["brnet2023"], "recorded": how}, root) for how in ("ignore", "show", "only")}


def test_it_shows_everything_that_is_built(workflows, empty):
    wf = workflows["ignore"]
    site = SiteInputs.model_validate(wf.site.parameters())
    assert [(table.planned.study, table.planned.table) for table in site.tables] == list(wf.plan.tables)
    assert [figure.planned.figure for figure in site.figures] == [figure for _, figure in wf.plan.figures]
    assert [run.run for run in site.runs] == [run.path for run in wf.plan.runs]
    assert [each.planned.study for each in site.claims] == ["brnet2023"]
    assert site.costs == paths.COSTS
    assert paths.SITE in wf.everything()


def test_every_file_that_it_names_is_an_input(workflows, empty):
    wf = workflows["ignore"]
    site = SiteInputs.model_validate(wf.site.parameters())
    files = wf.site.files(JOB)
    assert len(files) == len(set(files))
    assert {table.csv for table in site.tables} <= set(files)
    assert {path for table in site.tables for path in table.curation.values()} <= set(files)
    assert {path for figure in site.figures for path in (figure.svg, figure.csv, figure.text)} <= set(files)
    assert f"results/runs/{RECORDED}/history.parquet" in wf.site.run_files(JOB)


def test_a_recorded_run_is_read_from_the_record(workflows, root, empty):
    [run] = [run for run in workflows["show"].site.parameters()["runs"] if run["run"] == RECORDED]
    assert run["recorded"] is True
    assert run["title"] == "BNet · KEFE · Formation enthalpy"
    files = workflows["show"].site.run_files(JOB)
    assert (root / paths.RECORD / RECORDED / "predictions.parquet").as_posix() in files
    assert not [path for path in files if path.startswith(f"results/runs/{RECORDED}")]


def test_the_record_alone_needs_nothing_computed(workflows, root, empty):
    wf = workflows["only"]
    site = SiteInputs.model_validate(wf.site.parameters())
    assert site.tables
    assert site.runs
    assert not site.figures
    assert site.costs == ""
    read = [path for path in (*wf.site.files(JOB), *wf.site.run_files(JOB)) if not path.startswith("results/tables/")]
    assert all(Path(path).is_file() for path in read)


@pytest.mark.parametrize("how", ["ignore", "show", "only"])
def test_the_coverage_of_a_paper_is_an_input(workflows, root, empty, how):
    coverage = (root / paths.RECORD / "coverage.csv").as_posix()
    assert Path(coverage).is_file()
    assert workflows[how].site.parameters()["coverage"] == coverage
    assert coverage in workflows[how].site.files(JOB)


def test_a_build_that_adds_to_the_record_shows_it_afterwards(workflows, root, empty):
    assert paths.RECORD_UPDATE not in workflows["only"].site.files(JOB)
    wf = Workflow.load({"studies": ["brnet2023"], "record": "update"}, root)
    assert paths.RECORD_UPDATE in wf.site.files(JOB)


def test_studies_without_a_paper_and_a_build_without_a_record_need_no_coverage(workflows, root, empty, monkeypatch):
    demo = Workflow.load({"studies": ["demo"], "record": "update"}, root)
    assert demo.site.parameters()["coverage"] == ""
    assert not {"coverage.csv", "recorded.csv"} & {Path(path).name for path in demo.site.files(JOB)}
    monkeypatch.setattr(paths, "RECORD", "resources/no_record")
    assert workflows["ignore"].site.parameters()["coverage"] == ""
    assert all(workflows["ignore"].site.files(JOB))


def test_a_run_that_the_record_lacks_has_no_page(root, empty):
    wf = Workflow.load({"studies": ["demo"]}, root)
    of_papers = [run for run in wf.site.parameters()["runs"] if run["run"].endswith("/brnet2023")]
    assert RECORDED in {run["run"] for run in of_papers}
    assert all(run["recorded"] for run in of_papers)
    assert all(Path(path).is_file() for path in wf.site.run_files(JOB) if "/brnet2023/" in path)
