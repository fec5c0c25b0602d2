# ruff: noqa: ARG002 (the signatures are click's)
"""Command groups that import a command only when it is run: ``--help`` has to answer at once.

For the same reason nothing here is marked as an override: the mark alone costs as much as the rest.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group that knows of its commands only where they are and what they are for.

    Args:
        places: name -> (``module:attribute``, one line of help), in the order of the help text.
    """

    def __init__(self, *, places: Mapping[str, tuple[str, str]], **options: Any) -> None:
        # Click proposes these names for mistyped ones; what is run comes from get_command.
        super().__init__(commands={name: click.Command(name) for name in places}, **options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order given."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help text's table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in self._places.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names and options that begin so, without importing anything."""
        begun = [(name, said) for name, (_, said) in self._places.items() if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=said) for name, said in begun), *options]
