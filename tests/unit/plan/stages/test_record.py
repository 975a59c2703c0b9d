"""Runs that may enter the record."""

from pathlib import Path
from types import SimpleNamespace

from elemflow.plan import paths
from elemflow.plan.workflow import Workflow

JOB = SimpleNamespace()
RUN = "kefe/formation_energy/ef/brnet/brnet2023"


def test_the_record_is_left_alone_unless_asked_for(root, empty):
    assert paths.RECORD_UPDATE not in Workflow.load({"studies": ["brnet2023"]}, root).everything()
    wf = Workflow.load({"studies": ["brnet2023"], "record": "update"}, root)
    assert paths.RECORD_UPDATE in wf.everything()
    assert wf.record.cfg(JOB)["runs"] == [run.path for run in wf.plan.runs]
    assert {paths.RUN_INFO.format(**run.keys()) for run in wf.plan.runs} <= set(wf.record.files(JOB))
    assert "results/datasets/kefe/curation.json" in wf.record.files(JOB)


def test_the_record_alone_takes_what_is_computed(root, empty):
    wf = Workflow.load({"studies": ["brnet2023"], "record": "update", "recorded": "only"}, root)
    assert wf.record.files(JOB) == []
    path = Path(f"results/runs/{RUN}/metrics.json")
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    wf = Workflow.load({"studies": ["brnet2023"], "record": "update", "recorded": "only"}, root)
    assert wf.record.cfg(JOB)["runs"] == [RUN]
    assert str(path) in wf.record.files(JOB)
