"""A project with a finished run of a paper, and the papers' tables, which take seconds to plan."""

from pathlib import Path

import pytest
from factories.record import RUN, write_project, write_results

from elemflow.record.cells import Planned, plan_papers
from elemflow.record.tables import write_tables
from elemflow.record.update import add_runs


@pytest.fixture(scope="session")
def planned(root: Path) -> list[Planned]:
    """The papers' tables."""
    return plan_papers(root)


@pytest.fixture
def results(project: Path, planned: list[Planned]) -> Path:
    """Results with BRNet on KEFE as the paper's study trains it, in a project of their own."""
    return write_results(project, planned[0].settings)


@pytest.fixture
def shipped(project: Path, root: Path) -> Path:
    """The project with what a record is made from, and without any recorded run."""
    return write_project(project, root)


@pytest.fixture
def recorded(results: Path, shipped: Path, planned: list[Planned]) -> Path:
    """The project with the run in its record, and the tables."""
    add_runs(results, [RUN], shipped, planned)
    write_tables(shipped, planned)
    return shipped
