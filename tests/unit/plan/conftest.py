"""A workflow of two studies and one run of a network."""

import pytest

from elemflow.plan import reruns
from elemflow.plan.workflow import Workflow


@pytest.fixture(scope="module")
def wf(root):
    return Workflow.load({"studies": ["brnet2023", "demo"]}, root)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty working directory, since paths are relative to it."""
    monkeypatch.chdir(tmp_path)
    reruns.forget()
    yield tmp_path
    reruns.forget()


@pytest.fixture
def run(wf):
    return next(run for run in wf.plan.runs if wf.settings.models[run.model].kind == "network")
