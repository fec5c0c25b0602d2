"""Attempts of workflows at what they must not do, as data, and how it is told whether one got through."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent
from textwrap import indent
from typing import Literal

from graftwork.contracts.workflows import FailureReason
from graftwork.contracts.workflows import SampleRow
from graftwork_runner.sandbox import Outcome

NOTHING = "nothing there"
THROUGH = "GOT THROUGH"
IN_GUEST = "in the guest"
_OF_THE_SESSION = frozenset({FailureReason.TIMED_OUT, FailureReason.LIMIT_EXCEEDED})
Place = Literal["monty", "bubblewrap", "gvisor", "bubblewrap alone", "gvisor alone"]
"""Monty behind the strongest wall; CPython behind each; CPython with ``ctypes`` behind each: the wall alone."""
PLACES: tuple[Place, ...] = ("monty", "bubblewrap", "gvisor", "bubblewrap alone", "gvisor alone")
ENDED = "ended"
_RULE = re.compile(r"error\[([\w-]+)\]")
_EXCEPTION = re.compile(r"(\w+)(?::|$)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Probe:
    """One attempt. ``body``: of ``async def attempt(ctx, seed)``; it returns what it got hold of, if anything.

    ``seed`` tells it where the canaries are (``Canaries``). ``alone``: it gets a session of its own, being the end of
    it or harm to its neighbours. ``control``: harmless enough to be shown, as a plain program, to get through.
    ``native``: speaks to the kernel through ``ctypes``, which our interpreter has not; so it is tried with one that
    has, too. ``then``: body for a second session, whose finding counts. ``sample``: its record counts as got through
    if it becomes a sample. ``guest``: it may have its way behind gVisor, whose kernel is the guest's own.
    """

    name: str
    body: str
    alone: bool = False
    control: bool = False
    native: bool = False
    then: str = ""
    sample: bool = False
    guest: bool = False

    @property
    def source(self) -> str:
        """Module with the attempt."""
        return _function(self.body)

    @property
    def sequel(self) -> str:
        """Module with what comes after it in the next session."""
        return _function(self.then)

    def tried_in(self, place: Place) -> bool:
        """Whether it is told apart there."""
        return self.native or not place.endswith("alone")


@dataclass(frozen=True)
class Line:
    """Probes of one subject."""

    title: str
    probes: tuple[Probe, ...]


ALL_IN_ONE = """
async def workflow(ctx, seed):
    scope = {}
    exec(seed["source"], scope)
    return {"got": await scope["attempt"](ctx, seed)}
"""
"""Workflow of CPython that makes many attempts in one session, one for each seed."""
ALL_SAMPLES = ALL_IN_ONE.replace('{"got": await scope["attempt"](ctx, seed)}', 'await scope["attempt"](ctx, seed)')
"""The same for records."""


def as_workflow(source: str, *, sample: bool = False) -> str:
    """Module that makes one attempt and nothing else."""
    if sample:
        return f"{source}\nasync def workflow(ctx, seed):\n    return await attempt(ctx, seed)\n"
    return f'{source}\nasync def workflow(ctx, seed):\n    return {{"got": await attempt(ctx, seed)}}\n'


def verdict(
    probe: Probe, place: Place, outcome: Outcome, row: SampleRow, *, trace: str = "", secrets: Sequence[str] = ()
) -> str:
    """How the attempt was refused, in a word; else it begins with ``THROUGH``."""
    told = "\n".join([outcome.record or "", outcome.detail, row.detail or "", trace])
    if stolen := [secret for secret in secrets if secret in told]:
        return f"{THROUGH}: it has {stolen}"
    if _CONTROLS.search("\n".join([outcome.detail, row.detail or "", trace])):
        return f"{THROUGH}: control characters in what is said of it"
    if outcome.record is None:
        return _how(outcome)
    if probe.sample:
        return f"{THROUGH}: {outcome.record[:200]} is a sample" if row.ok else str(row.reason)
    return _found(probe, place, outcome.record)


def _found(probe: Probe, place: Place, record: str) -> str:
    got = json.loads(record).get("got")
    if not got:
        return NOTHING
    if probe.guest and place.startswith("gvisor"):
        return IN_GUEST
    return f"{THROUGH}: {str(got)[:200]}"


def _how(outcome: Outcome) -> str:
    if (rule := _RULE.search(outcome.detail)) is not None:
        return rule[1]
    exception = _EXCEPTION.match(outcome.detail)
    if outcome.reason in _OF_THE_SESSION or (outcome.reason is FailureReason.CRASHED and exception is None):
        return ENDED
    return exception[1] if outcome.reason is FailureReason.CRASHED and exception else str(outcome.reason)


def _function(body: str) -> str:
    return f"async def attempt(ctx, seed):\n{indent(dedent(body).strip(), '    ')}\n"
