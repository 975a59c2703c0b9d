"""The command `elemflow`: what Snakemake has built is used here, for predictions, exports, tables and checks.

A command's module is imported when it is called, and imports what it needs inside its functions, so that help and
completion answer at once.
"""

import importlib
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click

from elemflow.cli.interruption import removing_unfinished_files
from elemflow.core.errors import ElemflowError


class Entry(NamedTuple):
    """A command.

    Attributes:
        module: Module of `elemflow.cli`.
        help: One line for the list of commands.
    """

    module: str
    help: str


COMMANDS = {
    "predict": Entry("predict", "Predict properties of formulas, with the base that ships or a trained run."),
    "finetune": Entry("finetune", "Fine-tune the base that ships on a table of your own."),
    "stable": Entry("stable", "Decide which compounds are stable against known phases."),
    "export": Entry("export", "Write a trained run as one file, to predict with anywhere."),
    "info": Entry("export", "Print the model card of an exported file."),
    "results": Entry("results", "Print tables that were built, or what is recorded of the papers."),
    "explain": Entry("results", "Print where a number comes from, back to the raw files."),
    "compare": Entry("results", "Compare two runs on their common test materials."),
    "cost": Entry("cost", "Forecast CPU hours and disk of studies."),
    "new": Entry("new", "Write the file of a dataset from a table, or of a study."),
    "check": Entry("check", "Check that this machine and project can build."),
    "completion": Entry("completion", "Print the script that completes commands in a shell."),
}


UNFINISHED = re.compile(r"\.(.+)-[a-z0-9_]{8}\.part(\.[^.]*)?")
"""Name of a file that is being written, see `elemflow.core.files.atomic_path`."""


class Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"elemflow.cli.{COMMANDS[cmd_name].module}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name.

        Raises:
            click.UsageError: There is none; names the nearest.
        """
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from elemflow.core.errors import nearest

            raise click.UsageError(f"no command '{args[0]}'.{nearest(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Call a command; what a user can act on ends it with one message and exit code 1."""
        try:
            with removing_unfinished_files():
                return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except ElemflowError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(_described(error)) from None


def _described(error: OSError) -> str:
    """Return what an error of the system says, with the name that a file was to get."""
    if not error.filename or not error.strerror:
        return str(error)
    path = Path(os.fsdecode(error.filename))
    unfinished = UNFINISHED.fullmatch(path.name)
    return f"{path.with_name(unfinished[1] + (unfinished[2] or '')) if unfinished else path}: {error.strerror}."


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from elemflow.core.version import version

        click.echo(f"elemflow {version()}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print it.")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what is done, on standard error.")
def main(*, verbose: bool) -> None:
    """Reproduce papers of materials informatics, and predict with what they trained.

    Snakemake builds results (`snakemake --cores 2`); these commands use them. Exit codes: 0 done, 1 a problem that the
    message names, 2 a mistake in the arguments.
    """
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr, force=True)
