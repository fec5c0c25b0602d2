"""Where people read."""

from rich.console import Console

PIPE_COLUMNS = 160


def open_console() -> Console:
    """Return the standard output: coloured on a terminal; elsewhere plain, and wide enough not to cut trees."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    return console
