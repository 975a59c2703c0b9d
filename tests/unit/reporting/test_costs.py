import csv
import json
import math
import re

import pandas as pd
import pytest

from elemflow.reporting.costs import COLUMNS, list_costs, queue_seconds, read_benchmarks, write_costs

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
RUNS = ("mp/gap/ef/net/p", "mp/gap/ef/forest/p")


@pytest.fixture
def project(tmp_path):
    measured = {
        "train_model/" + RUNS[0]: (7200, 1900, 3600),
        "train_model/" + RUNS[1]: (3600, 800, 3600),
        "evaluate_run/" + RUNS[0]: (3.6, 200, 3.6),
        "write_plan": (1, 100, 1),
    }
    for name, (seconds, memory, cpu) in measured.items():
        file = tmp_path / f"benchmarks/{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{HEAD}{seconds}\t0\t{memory}\t0\t0\t0\t-\t-\t0\t{cpu}\n")
    for run, device in zip(RUNS, ("NVIDIA", "cpu"), strict=True):
        folder = tmp_path / "runs" / run
        folder.mkdir(parents=True)
        (folder / "run_info.json").write_text(json.dumps({"engine": {"device": device}}))
    (tmp_path / "logs").mkdir()
    return tmp_path


def written(project):
    files = {"csv": project / "costs.csv", "html": project / "costs.html"}
    studies = {"one": RUNS, "two": RUNS[:1]}
    write_costs(studies, project / "benchmarks", project / "runs", project / "logs", **files)
    with files["csv"].open() as stream:
        return {line["name"]: line for line in csv.DictReader(stream)}, files["html"].read_text()


def test_hours_and_memory_per_rule_and_study(project):
    lines, page = written(project)
    trained = lines["train_model"]
    assert [float(trained[key]) for key in ("jobs", "hours", "cpu_hours", "gpu_hours", "peak_memory_mb")] == [
        2,
        3,
        2,
        2,
        1900,
    ]
    assert [lines[name]["jobs"] for name in ("write_plan", "one", "two")] == ["1", "3", "2"]
    assert float(lines["two"]["hours"]) == pytest.approx(2.001)
    assert trained["queue_hours"] == ""
    assert "train_model" in page
    assert "1,900<" in page


def test_jobs_without_a_measured_cpu_time_are_counted(project):
    for name in ("evaluate_run/other", "make_table/one"):
        file = project / f"benchmarks/{name}.tsv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{HEAD}3600\t0\t-\t-\t-\t-\t-\t-\t-\t-\n")
    lines, page = written(project)
    found = {name: (lines[name]["jobs"], lines[name]["cpu_hours"], lines[name]["cpu_not_measured"]) for name in lines}
    assert found["evaluate_run"] == ("2", "0.001", "1")
    assert found["make_table"] == ("1", "", "1"), "unknown, not 0"
    assert found["train_model"] == ("2", "2.0", "0")
    assert found["one"][2] == "0"
    assert "Jobs without a measured CPU time" in page


def heads(page):
    return re.findall("<th[^>]*>([^<]*)</th>", page)


def test_pages_name_a_unit_that_suits_the_longest_time_and_leave_empty_columns_out(project):
    _, page = written(project)
    assert set(heads(page)) == {"", "Jobs", "Time (min)", "CPU time (min)", "GPU time (min)", "Peak memory (MB)"}
    assert ">180<" in page  # 7,200 s and 3,600 s of train_model


@pytest.mark.parametrize(
    ("hours", "unit", "shown"), [(0.001, "s", "3.6"), (0.5, "min", "30"), (25.0, "h", "25"), (math.nan, "s", "—")]
)
def test_times_are_in_seconds_minutes_or_hours(hours, unit, shown):
    line = dict.fromkeys(COLUMNS, 0.0) | {"kind": "rule", "name": "r", "hours": hours}
    columns, groups = list_costs(pd.DataFrame([line]))
    assert columns == ["", "Jobs", f"Time ({unit})", f"CPU time ({unit})", "Peak memory (MB)"]
    assert groups["Rules"] == [["r", "0", shown, "0", "0"]]


def test_a_run_that_is_not_there_is_no_gpu_job(project):
    (project / "runs" / RUNS[0] / "run_info.json").unlink()
    assert read_benchmarks(project / "benchmarks", project / "runs")["gpu_seconds"].sum() == 0


def test_nothing_was_run(tmp_path):
    lines, _ = written(tmp_path)
    assert lines["one"]["jobs"] == "0"


def test_waiting_is_counted_for_the_longest_rule_of_a_group(project, monkeypatch):
    (project / "logs/a.snakemake.log").write_text(
        "Job x has been submitted with SLURM jobid 7 (log: /p/.snakemake/slurm_logs/group_run_evaluate_run_train_model/7.log).\n"
        "Job 2 has been submitted with SLURM jobid 8 (log: /p/.snakemake/slurm_logs/rule_write_plan/8.log).\n"
    )
    sacct = project / "sacct"
    sacct.write_text(
        '#!/bin/sh\nprintf "7|2026-01-01T00:00:00|2026-01-01T01:00:00\\n8|2026-01-01T00:00:00|Unknown\\n"\n'
    )
    sacct.chmod(0o755)
    monkeypatch.setenv("PATH", f"{project}:/usr/bin:/bin")
    jobs = read_benchmarks(project / "benchmarks", project / "runs")
    assert queue_seconds(project / "logs", jobs) == {"train_model": 3600}
