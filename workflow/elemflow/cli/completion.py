"""`elemflow completion`: the script by which a shell completes commands, options and runs."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print the script that completes commands in a shell.

    \b
    bash:  eval "$(elemflow completion bash)"        in ~/.bashrc
    zsh:   eval "$(elemflow completion zsh)"         in ~/.zshrc
    fish:  elemflow completion fish | source         in ~/.config/fish/config.fish
    """
    found = get_completion_class(shell)
    if found is None:  # pragma: no cover  click knows the three
        raise click.ClickException(f"click cannot complete in {shell}.")
    click.echo(found(ctx.find_root().command, {}, "elemflow", "_ELEMFLOW_COMPLETE").source())
