"""What every rule keeps, read from the rule files themselves."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORDER = [
    "input",
    "output",
    "log",
    "benchmark",
    "wildcard_constraints",
    "conda",
    "threads",
    "resources",
    "params",
    "script",
]


def rules():
    """Yield (name, text) of every rule that makes a file."""
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for name, text in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", path.read_text(), flags=re.MULTILINE):
            yield pytest.param(name, text, id=name)


@pytest.mark.parametrize(("name", "text"), rules())
def test_rule_is_complete_and_in_order(name, text):
    found = re.findall(r"^    (\w+):", text, flags=re.MULTILINE)
    assert found == [directive for directive in ORDER if directive in found]
    assert {"output", "log", "benchmark", "threads", "params", "conda", "script"} <= set(found)


@pytest.mark.parametrize(("name", "text"), rules())
def test_script_has_the_name_of_its_rule_and_stays_thin(name, text):
    assert f'"../../scripts/{name}.py"' in text
    lines = (ROOT / f"scripts/{name}.py").read_text().splitlines()
    assert len(lines) <= 60


@pytest.mark.parametrize(("name", "text"), rules())
def test_parameters_are_one_cfg_and_a_code_digest(name, text):
    params = re.search(r"    params:\n((?:        .*\n)+)", text)[1]
    assert re.search(r"^        cfg=", params, flags=re.MULTILINE)
    assert re.search(rf"^        code=wf\.([\w.]*code\(\"{name}\.py\"\)|\w+\.\w*code),", params, flags=re.MULTILINE)


def test_no_lambda_shell_or_run_block():
    for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]:
        text = path.read_text()
        assert not re.search(r"\blambda\b|^\s+(shell|run):", text, flags=re.MULTILINE), path


def test_init_files_are_empty():
    package = ROOT / "workflow/elemflow"
    for path in package.rglob("__init__.py"):
        assert path.read_text() == "" or path.parent == package, "only the package itself offers names"


def test_scripts_and_rules_match():
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    assert scripts == {case.id for case in rules()}
