import shlex

import pytest

from elemflow.core.errors import DataError
from elemflow.core.files import write_json
from elemflow.plan.site import SiteRun
from elemflow.reporting.site.run_record import RunRecord

RUN = "kefe/formation_energy/ef/brnet/recommended@members=3,max_epochs=150"


@pytest.mark.parametrize(("commit", "checkout"), [("abc", ["git checkout abc"]), ("abc+changes", []), (None, [])])
def test_commands_repeat_the_run_at_its_commit(commit, checkout):
    run = SiteRun(run=RUN, folder="x", studies=("demo", "elemflow"))
    *first, last = RunRecord(commit=commit).commands(run)
    assert first == checkout
    assert shlex.split(last) == [
        "snakemake", "--cores", "2", f"results/runs/{RUN}/metrics.json", "--config", "studies=[demo]"
    ]  # fmt: skip


def test_a_file_with_a_wrong_type_is_named(tmp_path):
    write_json(tmp_path / "run_info.json", {"members": [1]})
    with pytest.raises(DataError, match=r"(?s)run_info\.json.*members"):
        RunRecord.read(tmp_path / "run_info.json")


def test_the_name_of_the_machine_is_not_shown():
    record = RunRecord(host={"name": "secret", "processor": "EPYC", "platform": "Linux", "threads": 2})
    facts = dict(record.facts())
    assert facts == {"Machine": "EPYC, Linux", "Threads": "2"}


def test_time_and_device_are_written_as_readers_do():
    record = RunRecord(finished="2026-11-29T19:25:17+00:00", engine={"name": "tensorflow", "device": "cpu"})
    assert dict(record.facts()) == {"Finished": "2026-11-29 19:25:17 UTC", "Engine": "tensorflow on CPU"}
