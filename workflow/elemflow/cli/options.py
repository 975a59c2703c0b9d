"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

RESULTS = Path("results")
F = TypeVar("F", bound=Callable[..., Any])


def complete_run(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the trained runs that a part of an id may mean, for completion in a shell."""
    from elemflow.inference.run_folders import trained_runs

    results = Path(ctx.params.get("results") or RESULTS)
    return [CompletionItem(run) for run in trained_runs(results) if incomplete in run]


def results_option(command: F) -> F:
    """Add `--results`."""
    return click.option(
        "--results",
        type=click.Path(file_okay=False, path_type=Path),
        default=RESULTS,
        show_default=True,
        envvar="ELEMFLOW_RESULTS",
        help="Folder of the results.",
    )(command)
