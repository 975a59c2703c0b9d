"""The frame of the command line: help, version, exit codes, and how fast it starts."""

import subprocess
import sys

import pytest

from elemflow.cli.main import COMMANDS, Commands, main
from elemflow.core.version import version


def test_help_lists_every_command_and_imports_none(root):
    code = (
        "import sys\nfrom elemflow.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit as end:\n"
        "    heavy = {'numpy', 'pandas', 'pyarrow', 'sklearn', 'tensorflow', 'keras', 'yaml', 'pydantic'}\n"
        "    print(sorted(heavy & set(sys.modules)), end.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root / "workflow")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[] 0"
    assert set(COMMANDS) <= {line.split()[0] for line in done.stdout.splitlines() if line.strip()}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_of_its_own(call, name):
    shown = call(name, "--help")
    assert shown.exit_code == 0
    assert f"elemflow {name}" in shown.output
    command = Commands().get_command(main.make_context("elemflow", [name]), name)
    assert command is not None
    assert command.name == name


def test_version(call):
    assert call("--version").output == f"elemflow {version()}\n"


def test_exit_codes_and_standard_error(call):
    usage = call("predikt", "NaCl")
    assert (usage.exit_code, usage.stdout) == (2, "")
    assert "predict" in usage.stderr
    problem = call("predict", "NaCl", "--run", "nowhere")
    assert (problem.exit_code, problem.stdout) == (1, "")
    assert problem.stderr.startswith("Error: 'nowhere'")
    assert "Traceback" not in problem.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(call, shell):
    assert "_ELEMFLOW_COMPLETE" in call("completion", shell).output
