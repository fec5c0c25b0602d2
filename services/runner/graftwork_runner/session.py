"""One Monty session: loads a workflow once, runs it over seeds, explains a failure."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any
from typing import TypedDict

from pydantic_monty import AsyncMontySession
from pydantic_monty import CollectString
from pydantic_monty import ExternalModule
from pydantic_monty import MontyError
from pydantic_monty import MontyTypingError
from pydantic_monty import OSPolicy
from pydantic_monty import ResourceLimits

from graftwork.contracts.dialect import CHECKER_STUBS
from graftwork.contracts.dialect import ENTRY_POINT
from graftwork.contracts.workflows import FailureReason
from graftwork_runner import driver
from graftwork_runner import helpers
from graftwork_runner.attempt import Attempt
from graftwork_runner.desk import Desk
from graftwork_runner.faults import NO_ENTRY_POINT
from graftwork_runner.faults import SCRIPT_NAME
from graftwork_runner.faults import Fault
from graftwork_runner.reports import annotated
from graftwork_runner.reports import certain
from graftwork_runner.reports import fault_of
from graftwork_runner.reports import type_fault
from graftwork_runner.sandbox import FROZEN_CLOCK
from graftwork_runner.sandbox import Limits
from graftwork_runner.sessions import Loading


class CheckoutOptions(TypedDict):
    """What ``AsyncMonty.checkout`` is given."""

    script_name: str
    limits: ResourceLimits
    os_policy: OSPolicy
    type_check: bool
    type_check_stubs: str
    type_check_format: Any
    external_modules: Mapping[str, ExternalModule]


def checkout_options(limits: Limits, seeds: int, entropy: str) -> CheckoutOptions:
    """Options of a session over ``seeds`` seeds."""
    return {
        "script_name": SCRIPT_NAME,
        "limits": {
            "max_turn_duration_secs": limits.turn_seconds,
            "max_feed_duration_secs": limits.sample_seconds * seeds,
            "max_memory": limits.memory_bytes,
            "max_recursion_depth": limits.recursion_depth,
            "max_suspensions": limits.messages(seeds),
        },
        "os_policy": {"datetime": FROZEN_CLOCK, "sleep": "zero", "random_start": {"seed": entropy}},
        "type_check": True,
        "type_check_stubs": CHECKER_STUBS,
        "type_check_format": "concise",
        "external_modules": helpers.modules(limits.turn_seconds, time.perf_counter),
    }


class MontySession:
    """A session checked out for one attempt; see ``Session``."""

    def __init__(self, session: AsyncMontySession, limits: Limits) -> None:
        self._session = session
        self._limits = limits

    async def ping(self) -> None:
        """Have the worker answer. Raises ``MontyError``."""
        await self._feed("None")

    async def load(self, code: str, *, check: bool) -> Loading:
        """Run the module; ``check`` types first, which needs doing once per workflow."""
        doubts = ""
        try:
            try:
                await self._feed(annotated(code), check=check)
            except MontyTypingError as error:
                doubts = error.display()
                if lines := certain(doubts):
                    return Loading(type_fault(doubts, lines))
                await self._feed(annotated(code))
            await self._feed(f"{ENTRY_POINT}\nNone")
        except MontyError as error:
            if isinstance(error.exception(), NameError) and f"'{ENTRY_POINT}'" in str(error):
                return Loading(Fault(FailureReason.CRASHED, NO_ENTRY_POINT, NO_ENTRY_POINT))
            return Loading(fault_of(error))
        return Loading(doubts=doubts)

    async def run(self, attempt: Attempt) -> Fault | None:
        """Run all seeds of ``attempt``; return what ended the session before its seeds, if anything did."""
        works = _unguessable()
        code = driver.run_all(works, self._limits.output_chars)
        return await self._drive(code, works, attempt)

    async def run_uncaught(self, attempt: Attempt) -> Fault | None:
        """Run the only seed of ``attempt`` without catching anything; return how it failed, if it did."""
        works = _unguessable()
        return await self._drive(driver.run_first(works), works, attempt)

    async def _drive(self, code: str, works: str, attempt: Attempt) -> Fault | None:
        async with asyncio.TaskGroup() as group:
            desk = Desk(attempt, group)
            try:
                started = await self._session.feed_start(
                    code,
                    external_lookup={works: desk.works()},
                    print_callback=CollectString(self._limits.print_bytes),
                    skip_type_check=True,
                )
                await desk.serve(started)
            except MontyError as error:
                return fault_of(error)
            finally:
                desk.close()
        return None

    async def _feed(self, code: str, *, check: bool = False) -> None:
        await self._session.feed_run(
            code, print_callback=CollectString(self._limits.print_bytes), skip_type_check=not check
        )


def _unguessable() -> str:
    """Name for a variable that workflow code must not find."""
    return f"_graftwork_{secrets.token_hex(8)}"
