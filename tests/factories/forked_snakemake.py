"""Dry-runs of Snakemake in forks of one process that has imported it, and libraries: half of a dry-run is the import."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

LIBRARIES = ("jsonschema", "numpy", "pandas", "pyarrow", "pydantic", "scipy.special")


def run_forked(arguments: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run Snakemake in a folder, with the package of that folder.

    The forks know nothing of the package elemflow or of each other, so each reads its own copy. For jobs, signals and
    anything that must be a program of its own, start a process instead.

    Args:
        arguments: Arguments of the command line, without `snakemake`.
        folder: Folder of the project.

    Returns:
        The exit status, and what was written to standard output and error.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["snakemake.cli", "factories.forked_snakemake", *LIBRARIES])
    with TemporaryDirectory() as scratch:
        shown = Path(scratch) / "shown"
        process = context.Process(target=_main, args=(list(arguments), str(folder), str(shown)))
        process.start()
        process.join()
        return process.exitcode or 0, shown.read_text(encoding="utf-8", errors="replace")


def _main(arguments: list[str], folder: str, shown: str) -> None:
    os.chdir(folder)
    os.environ["PYTHONPATH"] = f"{folder}/workflow"
    # Neither the package of this clone nor one that is installed.
    sys.path[:] = [f"{folder}/workflow", *(path for path in sys.path if not path.rstrip("/").endswith("/workflow"))]
    sys.argv = ["snakemake", *arguments]
    descriptor = os.open(shown, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  as long as the process
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    from snakemake.cli import main

    try:
        main(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
