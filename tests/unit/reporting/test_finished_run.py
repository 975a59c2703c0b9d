"""The line that an evaluation logs."""

import logging
from pathlib import Path

import pytest
from factories.reporting import name_run, write_run

from elemflow.core.files import write_json
from elemflow.reporting.finished_run import finished_line, log_finished

RUN = name_run("brnet")


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """Metrics of a run of two members."""
    return write_run(tmp_path / "results/runs", RUN, [0.095, 0.097]) / "metrics.json"


def test_error_and_published_values_are_on_one_line(metrics: Path, tmp_path: Path) -> None:
    values = ["0.070 (brnet2023 T5)", "0.071 (brnet2023 T6)"]
    write_json(tmp_path / "published.json", {RUN: {"unit": "eV/atom", "values": values}})
    assert finished_line(metrics, tmp_path / "published.json") == (
        f"{RUN}: test MAE 0.096 ± 0.0014 eV/atom (2 members); published 0.070 (brnet2023 T5); "
        "published 0.071 (brnet2023 T6)"
    )


def test_a_run_that_no_paper_prints_has_its_error_alone(metrics: Path, tmp_path: Path) -> None:
    assert finished_line(metrics, tmp_path / "absent.json") == f"{RUN}: test MAE 0.096 ± 0.0014 (2 members)"
    write_json(tmp_path / "published.json", {RUN: {"unit": "1", "values": []}})
    assert finished_line(metrics, tmp_path / "published.json") == f"{RUN}: test MAE 0.096 ± 0.0014 (2 members)"


def test_a_run_without_a_result_says_why(tmp_path: Path) -> None:
    metrics = tmp_path / "results/runs" / RUN / "metrics.json"
    write_json(metrics, {"not_run": "too many rows"})
    assert finished_line(metrics, tmp_path / "absent.json") == f"{RUN}: no result: too many rows"


def test_one_record_is_logged(metrics: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_finished(metrics, tmp_path / "absent.json")
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert RUN in caplog.text
