"""The workflow on a real Slurm of one node: what it builds, and what happens when something is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from factories.gated_network import Gate
from factories.slurm_cluster import SlurmCluster, install
from factories.tiny_project import TINY_STUDY

from elemflow.reporting.costs import queue_seconds, read_benchmarks

pytestmark = pytest.mark.workflow
RUN = "results/runs/tiny/seebeck/ef/{model}/tiny"
NETWORK = RUN.format(model="tiny_brnet")


def make_cluster(folder: Path, *, accounting: bool) -> Iterator[SlurmCluster]:
    """Start a cluster and stop it afterwards; skip where that is impossible, unless it must be possible."""
    if reason := install():
        if os.environ.get("ELEMFLOW_REQUIRE_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    cluster = SlurmCluster(folder, accounting=accounting)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    yield from make_cluster(tmp_path_factory.mktemp("slurm"), accounting=True)


@pytest.fixture
def cluster_without_accounting(tmp_path):
    yield from make_cluster(tmp_path / "slurm", accounting=False)


@dataclass
class LoginNode:
    """A copy of the project beside a cluster."""

    folder: Path
    cluster: SlurmCluster

    def edit(self, file: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file of the copy."""
        path = self.folder / file
        text = path.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Snakemake as a user would, but with the package of the copy and with shorter waits."""
        # A shell lets what it starts in the background ignore Ctrl-C; here it must count, whoever started the tests.
        command = ["env", "--default-signal=INT", sys.executable, "-m", "snakemake", "--profile", "slurm", "--nocolor"]
        quick = {"PYTHONPATH": f"{Path(__file__).parent / 'quick'}:{self.folder / 'workflow'}"}
        return subprocess.Popen(
            [*command, "--config", "studies=[tiny]", "--latency-wait", "10", *arguments], cwd=self.folder, env=self.cluster.environment | quick,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run Snakemake and return what it printed."""
        process = self.start(*arguments)
        shown, _ = process.communicate(timeout=900)
        assert process.returncode == expect, shown[-6000:]
        return shown

    def info(self, model: str) -> dict:
        """Return the run info of a run."""
        return json.loads((self.folder / RUN.format(model=model) / "run_info.json").read_text())

    def waiting(self) -> str:
        """Return the jobs that are queued or run."""
        return self.cluster.run("squeue", "--noheader", "--format=%i")

    def submitted(self) -> list[str]:
        """Return the identifiers of the jobs that were submitted by commands in this copy."""
        shown = self.cluster.run("sacct", "--noheader", "--allocations", "--parsable2", "--format=jobidraw,workdir")
        return [line.split("|")[0] for line in shown.splitlines() if line.split("|")[1] == str(self.folder)]


def wait_for(condition, seconds=900):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def link_profile(folder: Path) -> None:
    (folder / "slurm").symlink_to("workflow/profiles/slurm")


@pytest.fixture
def prepared(finished, cluster, tmp_path):
    """A copy with all but the runs built."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    node = LoginNode(tmp_path / "copy", cluster)
    link_profile(node.folder)
    shutil.rmtree(node.folder / "results/runs")
    return node


def test_a_fresh_copy_builds_the_same_tables(finished, fresh, cluster, monkeypatch):
    link_profile(fresh.folder)
    node = LoginNode(fresh.folder, cluster)
    shown = node.run("results/tables/all")
    for file in sorted((finished.folder / "results/tables").rglob("*")):
        built = fresh.folder / file.relative_to(finished.folder)
        assert (
            file.is_dir() or file.name in {"references.bib", "CITATION.cff"} or built.read_bytes() == file.read_bytes()
        ), built
    # One submission per run and one per small job; only the network asks for a GPU and gets the partition with GPUs.
    submissions = 5 + 2 + len(TINY_STUDY["tables"])  # up to the split, runs, tables
    assert shown.count("has been submitted with SLURM jobid") == submissions
    jobs = cluster.run("sacct", "--noheader", "--parsable2", "--allocations", "--format=partition,reqtres").splitlines()
    assert [job.split("|")[0] for job in jobs if "gres/gpu=1" in job] == ["gpu"]
    assert [job.split("|")[0] for job in jobs if "gres/gpu" not in job] == ["cpu"] * (submissions - 1)
    log = fresh.folder / "results/logs/train_model/tiny/seebeck/ef/tiny_brnet/tiny.log"
    assert "No GPU is found here; the CPU computes." in log.read_text()
    for name in ("PATH", "SLURM_CONF"):
        monkeypatch.setenv(name, cluster.environment[name])
    jobs = read_benchmarks(fresh.folder / "results/benchmarks", fresh.folder / "results/runs")
    waited = queue_seconds(fresh.folder / ".snakemake/log", jobs)
    assert set(waited) == set(jobs["rule"]) - {"evaluate_run", "collect_tables", "describe_dataset"}
    assert "Nothing to be done" in node.run("--dry-run", "results/tables/all")


def test_a_job_out_of_memory_comes_back_with_more(prepared):
    target = f"{RUN.format(model='tiny_forest')}/metrics.json"
    # Both jobs of the group, which asks for the larger memory of the two.
    memory = [f"{rule}:mem_mb=120 * attempt ** 4" for rule in ("train_model", "evaluate_run")]
    shown = prepared.run(target, "--set-resources", *memory)
    assert "Trying to restart job" in shown
    assert (prepared.folder / target).is_file()


def start_training(node, gate):
    """Start the workflow and return the driver when the training waits at the gate."""
    driver = node.start(f"{NETWORK}/metrics.json")
    wait_for(lambda: gate.is_reached() or driver.poll() is not None)
    assert driver.poll() is None
    return driver


def test_an_interrupted_driver_cancels_its_jobs_and_goes_on_later(prepared):
    gate = Gate(prepared.folder)
    driver = start_training(prepared, gate)
    os.kill(driver.pid, signal.SIGINT)
    driver.communicate()
    wait_for(lambda: not prepared.waiting())
    assert not [path for path in (prepared.folder / NETWORK).rglob("*") if path.is_file()]
    gate.open()
    prepared.run(f"{NETWORK}/metrics.json")
    assert prepared.info("tiny_brnet")["starts"] == 2


def test_a_cancelled_job_is_noticed_and_submitted_again(prepared):
    gate = Gate(prepared.folder)
    driver = start_training(prepared, gate)
    prepared.cluster.run("scancel", prepared.waiting().split()[0])
    wait_for(lambda: len(prepared.submitted()) == 2)
    gate.open()
    shown, _ = driver.communicate(timeout=900)
    assert driver.returncode == 0, shown[-6000:]
    assert prepared.info("tiny_brnet")["starts"] == 2


def test_a_training_at_its_time_limit_is_the_same_job_again(prepared):
    gate = Gate(prepared.folder)
    # Three of six minutes are the profile's grace, two the margin of a training; one it waits at the gate.
    driver = prepared.start(f"{NETWORK}/metrics.json", "--set-resources", "train_model:runtime=6")
    log = prepared.folder / "results/logs/train_model/tiny/seebeck/ef/tiny_brnet/tiny.log"
    wait_for(lambda: "is back in the queue" in (log.read_text() if log.exists() else "") or driver.poll() is not None)
    gate.open()
    shown, _ = driver.communicate(timeout=900)
    assert driver.returncode == 0, shown[-6000:]
    assert "Trying to restart job" not in shown
    assert len(prepared.submitted()) == 1
    assert prepared.info("tiny_brnet")["starts"] >= 2


def test_after_a_killed_driver_nothing_is_trained_twice(prepared):
    # A killed driver writes no metadata of the training. Those of another network in its place would cause a rerun.
    shutil.rmtree(prepared.folder / ".snakemake/metadata")
    gate = Gate(prepared.folder)
    driver = start_training(prepared, gate)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    assert prepared.waiting()
    gate.open()
    wait_for(lambda: not prepared.waiting())
    kept = prepared.info("tiny_brnet")
    assert kept["starts"] == 1
    prepared.run("--unlock")
    prepared.run(f"{NETWORK}/metrics.json")
    assert prepared.info("tiny_brnet") == kept


def test_a_cluster_without_accounting(finished, cluster_without_accounting, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    node = LoginNode(tmp_path / "copy", cluster_without_accounting)
    link_profile(node.folder)
    split = "results/splits/tiny/seebeck/tiny.parquet"
    (node.folder / split).unlink()
    node.run(split)
    assert (node.folder / split).read_bytes() == (finished.folder / split).read_bytes()
