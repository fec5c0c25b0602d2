"""Named places between "received" and "committed" where a test lets the process die.

Nothing happens unless ``GRAFTWORK_CRASH_AT`` names the place; then the process ends there as SIGKILL
would end it: nothing is flushed, closed or handed back.
"""

import os
from typing import Literal

CrashPoint = Literal[
    "admission.polled",
    "admission.handled",
    "admission.admitted",
    "admission.committed",
    "task.leased",
    "task.written",
    "task.done",
    "call.answered",
    "call.recorded",
    "relay.read",
    "relay.sent",
    "relay.deleted",
]
EXIT_STATUS = 86
_AT = os.environ.get("GRAFTWORK_CRASH_AT")


def crash_point(name: CrashPoint) -> None:
    """Die here if the environment says so."""
    if name == _AT:
        os._exit(EXIT_STATUS)
