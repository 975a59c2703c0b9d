"""The repository has what the Snakemake workflow catalog asks of a workflow with standardized usage."""

import shlex
from pathlib import Path

import pytest
import yaml
from factories.forked_snakemake import run_forked
from factories.own_project import make_own_project
from snakemake.cli import get_argument_parser

DEPLOYMENTS = {"conda", "apptainer", "singularity", "apptainer+conda", "singularity+conda"}


@pytest.fixture
def usage(root: Path) -> dict:
    """What the catalog reads."""
    settings = yaml.safe_load((root / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    assert set(settings) == {"usage"}
    return settings["usage"]


def test_the_usage_has_the_keys_of_the_catalog(usage: dict) -> None:
    assert {"software-stack-deployment", "report"} <= set(usage) <= {
        *("mandatory-flags", "software-stack-deployment", "report"),
    }  # fmt: skip
    assert usage["report"] is True
    deployments = usage["software-stack-deployment"]
    assert set(deployments) <= DEPLOYMENTS
    assert all(isinstance(value, bool) for value in deployments.values())
    assert any(deployments.values())
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}


def test_the_flags_are_those_of_snakemake(usage: dict) -> None:
    flags = usage["mandatory-flags"]["flags"]
    words = shlex.split(flags) if isinstance(flags, str) else flags
    options = {option for action in get_argument_parser()._actions for option in action.option_strings}
    assert {word for word in words if word.startswith("-")} <= options


def test_every_rule_with_a_script_has_a_conda_environment(root: Path, usage: dict) -> None:
    assert usage["software-stack-deployment"]["conda"]
    for path in (root / "workflow/rules").glob("*.smk"):
        text = path.read_text(encoding="utf-8")
        assert text.count("    script:") == text.count('    conda:\n        "../../envs/environment.yaml"'), path


def test_the_files_of_the_catalog_are_there(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme
    assert "workflow" in readme
    assert (root / "config/README.md").is_file()
    assert list((root / "workflow/rules").glob("*.smk"))


def test_the_snakefile_of_the_catalog_builds_everything(root: Path, tmp_path: Path) -> None:
    own = make_own_project(root, tmp_path / "project")
    arguments = ["--cores", "1", "--dry-run", "--nocolor", "-s", str(root / "workflow/Snakefile")]
    status, shown = run_forked(arguments, own)
    assert status == 0, shown[-3000:]
    assert "rule everything:" in shown
    assert "results/tables/mine/errors.csv" in shown
