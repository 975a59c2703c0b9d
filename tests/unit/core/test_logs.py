"""The log of a job and the record of its failure, in a process of its own, since both end it."""

import subprocess
import sys

import pytest

from elemflow.core.files import read_json
from elemflow.core.logs import failure_path


def run(log, statement):
    code = f"from elemflow.core.logs import configure_logging; configure_logging({str(log)!r}); {statement}"
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("statement", "record", "traceback"),
    [
        (
            "from elemflow.core.errors import DataError; raise DataError('f: no rows.\\nFilter less.')",
            {"error": "DataError", "message": "f: no rows.\nFilter less."},
            False,
        ),
        ("raise KeyError('a')", {"error": "KeyError", "message": "KeyError: 'a'"}, True),
    ],
)
def test_a_failure_is_logged_and_recorded(tmp_path, statement, record, traceback):
    log = tmp_path / "run@x=0.05.log"
    shown = run(log, statement)
    assert shown.returncode == 1
    assert read_json(tmp_path / "run@x=0.05.failed.json") == record
    for text in (log.read_text(), shown.stderr):
        assert record["message"] in text
        assert ("Traceback" in text) == traceback


def test_a_stop_is_no_failure_and_a_new_start_forgets_the_last_one(tmp_path):
    log = tmp_path / "log"
    failure_path(log).write_text("{}")
    assert run(log, "raise SystemExit(75)").returncode == 75
    assert run(log, "raise KeyboardInterrupt").returncode != 0
    assert not failure_path(log).exists()
