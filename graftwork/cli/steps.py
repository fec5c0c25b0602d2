"""Lines that tell what a long command is doing."""

import json
from collections.abc import Callable
from time import monotonic
from typing import Any

import click

Clock = Callable[[], float]


class Steps:
    """Prints one line per step, with the seconds since the first; or one JSON object per line."""

    def __init__(self, *, as_json: bool = False, clock: Clock = monotonic) -> None:
        self._as_json = as_json
        self._clock = clock
        self._began = clock()

    @property
    def elapsed_seconds(self) -> float:
        """Since it began."""
        return self._clock() - self._began

    def __call__(self, line: str) -> None:
        """Tell a person something."""
        if self._as_json:
            self.record("step", message=line)
        else:
            click.echo(f"{self.elapsed_seconds:6.1f} s  {line}")

    def record(self, what: str, **fields: Any) -> None:
        """Tell a program something; a person is told by other means."""
        if self._as_json:
            click.echo(json.dumps({"what": what, "seconds": round(self.elapsed_seconds, 3), **fields}))
