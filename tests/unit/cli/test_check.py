"""`elemflow check` and `elemflow cost`, in the project's folder and in others."""

import importlib.metadata
import shutil
from types import SimpleNamespace

import pytest

from elemflow.cli import check
from elemflow.core.errors import SoftwareError


@pytest.fixture
def healthy(monkeypatch):
    """Replace what depends on the machine: packages, GPU and Slurm."""
    monkeypatch.setattr(check, "_packages", lambda: check.Finding("packages", "as locked"))
    monkeypatch.setattr(check, "_gpu", lambda: check.Finding("GPU", "none"))
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.fixture
def copied(project, monkeypatch, root):
    """A copy of the configuration, as the working directory."""
    shutil.copytree(root / "resources/published", project / "resources/published")
    shutil.copyfile(root / "resources/rates.csv", project / "resources/rates.csv")
    monkeypatch.chdir(project)
    return project


def _lines(done):
    return {line.split()[1]: line for line in done.stdout.splitlines()}


def test_a_healthy_project(call, healthy, copied):
    done = call("check", "demo")
    assert done.exit_code == 0, done.output
    assert all(line.startswith("ok  ") for line in done.stdout.splitlines())
    lines = _lines(done)
    assert {"Python", "packages", "configuration", "data", "disk", "GPU", "Slurm"} <= set(lines)
    assert "runs of the studies demo" in lines["configuration"]
    assert "kebg, kefe" in lines["data"]


def test_a_mistake_in_the_configuration(call, healthy, copied):
    (copied / "config/datasets/kefe.yaml").write_text("titel: x\n")
    done = call("check", "demo")
    assert done.exit_code == 1
    assert _lines(done)["configuration"].startswith("!!")
    assert "config/datasets/kefe.yaml" in done.stdout


def test_data_that_are_missing(call, healthy, copied, monkeypatch):
    text = (copied / "config/datasets/kefe.yaml").read_text()
    head, tail = text.split("source:")[0], "columns:" + text.split("columns:")[1]
    (copied / "config/datasets/kefe.yaml").write_text(f"{head}source: {{kind: table, path: mine.csv}}\n{tail}")
    done = call("check", "demo")
    assert done.exit_code == 1
    assert "kefe: mine.csv is missing. Put it there, or set data_folder." in " ".join(done.stdout.split())
    (copied / "mines.csv").touch()
    assert "kefe: mine.csv is missing. Did you mean 'mines.csv'?" in " ".join(call("check", "demo").stdout.split())
    (copied / "mine.csv").write_text("formula\n")
    assert call("check", "demo").exit_code == 0


def test_too_little_room(call, healthy, copied, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e9))
    done = call("check", "demo")
    assert done.exit_code == 1
    assert _lines(done)["disk"].startswith("!!  disk            1 GB free")


def test_packages_that_differ_from_the_lock(call, healthy, copied, monkeypatch):
    def refuse():
        raise SoftwareError("numpy 1.0 (locked: 2.0)")

    monkeypatch.setattr(check, "_packages", refuse)
    done = call("check", "demo")
    assert done.exit_code == 1
    assert "numpy 1.0" in _lines(done)["packages"]
    assert "configuration" in _lines(done), "the other checks go on"


def test_installed_versions_are_compared_with_the_lock(tmp_path, monkeypatch):
    from elemflow.provenance import environment

    lock = tmp_path / "requirements.txt"
    monkeypatch.setattr(environment, "LOCK", lock)
    monkeypatch.setattr(environment, "check_versions", lambda: None)
    version = importlib.metadata.version("click")
    lock.write_text(f"click=={version} \\\n    --hash=sha256:00\n")
    assert not check._packages().wrong
    lock.write_text("click==0.1 \\\n    --hash=sha256:00\n")
    found = check._packages()
    assert found.wrong
    assert f"click {version} (locked 0.1)" in found.text


def test_partitions_that_slurm_does_not_have(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm/partitions.yaml").write_text("partitions: {cpu: {}, gpu: {}}\n")
    (tmp_path / "sinfo").write_text("#!/bin/sh\nprintf 'cpu\\nlong\\n'\n")
    (tmp_path / "sinfo").chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(tmp_path / name))
    found = check._slurm()
    assert found.wrong
    assert "names gpu; the partitions are cpu, long" in found.text
    (tmp_path / "slurm/partitions.yaml").write_text("partitions: {cpu: {}}\n")
    assert not check._slurm().wrong


def test_outside_of_a_project(call, healthy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "config/config.yaml" in _lines(call("check"))["configuration"]
    done = call("cost")
    assert (done.exit_code, "config/config.yaml" in done.stderr) == (1, True)


def test_costs_of_studies(call, copied, tmp_path):
    done = call("cost", "demo", "brnet2023")
    assert done.exit_code == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines[:4]] == ["name", "brnet2023", "demo", "total"]
    assert "sizes of the datasets:" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    small = call("cost", "brnet2023", "--configfile", "config/overlays/small.yaml").stdout.splitlines()[1].split()
    assert float(small[4]) < float(lines[1][4])
    (copied / "results/plan").mkdir(parents=True)
    (copied / "results/plan/costs.csv").write_text(
        "kind,name,jobs,hours,cpu_hours,gpu_hours,peak_memory_mb\nrule,train_model,2,1,1,0,9\nstudy,demo,2,0.5,0.4,0,900\n"
    )
    shown = call("cost", "demo").stdout.splitlines()
    assert shown[-1].split() == ["demo", "2", "0.5", "0.4", "0", "900"]
