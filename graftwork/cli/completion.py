"""``graftwork completion``."""

import click
from click.shell_completion import get_completion_class

from graftwork.cli.errors import CliError

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "graftwork"
VARIABLE = "_GRAFTWORK_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script by which SHELL completes commands, options and their values.

    \b
    bash   eval "$(graftwork completion bash)"      in ~/.bashrc
    zsh    eval "$(graftwork completion zsh)"       in ~/.zshrc, after compinit
    fish   graftwork completion fish >~/.config/fish/completions/graftwork.fish
    """  # noqa: D301 (the mark is click's: it keeps these lines apart)
    kind = get_completion_class(shell)
    if kind is None:
        raise CliError(f"click knows no completion for {shell}")
    click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())
