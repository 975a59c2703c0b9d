"""A new kind of figure and a new kind of table are each one new file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from factories.reporting import name_run, place, write_run

FILES = Path(__file__).parent / "added_kinds"


@pytest.fixture(scope="module")
def package(tmp_path_factory, root):
    """A copy of the package with one file more in either folder of kinds."""
    workflow = tmp_path_factory.mktemp("copy") / "workflow"
    for folder in ("elemflow", "schemas"):
        shutil.copytree(root / "workflow" / folder, workflow / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for group in ("figures", "tables"):
        for path in (FILES / group).glob("*.py"):
            shutil.copy(path, workflow / "elemflow/reporting" / group / "kinds")
    return workflow


def run(package, program):
    env = {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{Path(__file__).parents[2]}"}
    return subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout


def test_the_schema_allows_both(package):
    program = """
from elemflow.config.yaml_schema import read_schema
items = read_schema("study")["properties"]
for group in ("figures", "tables"):
    print(*items[group]["additionalProperties"]["properties"]["kind"]["enum"])
"""
    figures, tables = run(package, program).splitlines()
    assert "residuals" in figures.split()
    assert "worst" in tables.split()


def test_the_figure_is_drawn(package, tmp_path):
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.1, 0.2])
    outputs = {name: str(path) for name, path in place(tmp_path, "figure").items()}
    run(package, f"""
from factories.reporting import make_figure, planned
from elemflow.reporting.figures.build import write_figure
write_figure(planned(make_figure("residuals", ["BRNet"])), {{{name_run("brnet")!r}: {str(folder)!r}}}, {{}}, {outputs!r})
""")  # fmt: skip
    assert "residual" in Path(outputs["csv"]).read_text()
    assert Path(outputs["png"]).stat().st_size > 1000


def test_the_table_is_written_and_collected(package, tmp_path):
    folder = write_run(tmp_path / "runs", name_run("brnet"), [0.1, 0.3])
    outputs = {name: str(path) for name, path in place(tmp_path, "table").items()}
    run(package, f"""
from factories.reporting import make_table, planned, table_files
from elemflow.reporting.index import write_tables_index
from elemflow.reporting.tables.base import load_builder
cfg = make_table(["BRNet"], [None]) | {{"kind": "worst"}}
load_builder("worst").write(planned(cfg), {{{name_run("brnet")!r}: {str(folder / "metrics.json")!r}}}, {{}}, {outputs!r})
write_tables_index({str(tmp_path / "all")!r}, [table_files(cfg, {outputs!r})])
""")  # fmt: skip
    assert "0.3" in Path(outputs["text"]).read_text()
    assert "0.3" in (tmp_path / "all/worst.csv").read_text()
    assert 'href="worst.csv"' in (tmp_path / "all/index.html").read_text()
