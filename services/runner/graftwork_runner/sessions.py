"""What every runtime's sessions have in common: how they are used."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from graftwork_runner.attempt import Attempt
from graftwork_runner.faults import Fault


@dataclass(frozen=True)
class Loading:
    """How loading went. ``doubts``: the type checker's report where it was not certain enough to refuse."""

    fault: Fault | None = None
    doubts: str = ""


class Session(Protocol):
    """A worker's attention for one workflow and one attempt at its seeds."""

    async def load(self, code: str, *, check: bool) -> Loading:
        """Run the module; ``check`` it first, where the runtime can, which needs doing once per workflow."""
        ...

    async def run(self, attempt: Attempt) -> Fault | None:
        """Run all seeds of ``attempt``; return what ended the session before its seeds, if anything did."""
        ...

    async def run_uncaught(self, attempt: Attempt) -> Fault | None:
        """Run the only seed of ``attempt`` and return how it failed, if it did."""
        ...


Checkout = Callable[[int, str], AbstractAsyncContextManager[Session]]
"""Session over that many seeds, with that entropy."""
