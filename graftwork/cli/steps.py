"""Lines that tell what a long command is doing."""

import json
from collections.abc import Callable
from time import monotonic
from typing import Any

import click

from graftwork.contracts.visible import HIDDEN

Echo = Callable[[str], None]


class Steps:
    """Prints one line per step, with the seconds since the first; or for programs, one JSON object per line."""

    def __init__(
        self, *, as_json: bool = False, echo: Echo = click.echo, clock: Callable[[], float] = monotonic
    ) -> None:
        self.as_json = as_json
        self._echo = echo
        self._clock = clock
        self._began = clock()

    def __call__(self, line: str) -> None:
        """Tell a person something. It is one line, whatever a model put into it."""
        if self.as_json:
            self.record("step", message=line)
        else:
            said = HIDDEN.sub("\N{REPLACEMENT CHARACTER}", line).replace("\n", " ")
            self._echo(f"{self._elapsed_seconds():6.1f} s  {said}")

    def record(self, what: str, **fields: Any) -> None:
        """Tell a program something; a person is told by other means."""
        if self.as_json:
            self._echo(json.dumps({"what": what, "seconds": round(self._elapsed_seconds(), 3), **fields}))

    def _elapsed_seconds(self) -> float:
        return self._clock() - self._began
