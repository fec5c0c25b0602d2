"""How a process of ours ends: with the status that it was to have, whatever native threads do.

Libraries with threads of their own (obstore's, Monty's) hand results to Python from these. One that wakes while the
interpreter is being torn down aborts the process: measured with obstore 0.12 on a loaded machine, so ended a third of
the programs that read a payload last and end at once. So we do what is to be done at exit, and tear nothing down.
"""

import atexit
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


def leave_after(main: Callable[[], None]) -> NoReturn:
    """Run ``main``, whose end is the process's: with status 0, or that of the ``SystemExit`` that it raises.

    Any other exception passes through, to end the process as Python does.
    """
    try:
        main()
    except SystemExit as ended:
        _leave(_status(ended.code))
    _leave(0)


def _status(code: object) -> int:
    """What Python makes of it: words are said, and mean a failure."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)  # noqa: T201 - as Python does
    return 1


def _leave(status: int) -> NoReturn:
    atexit._run_exitfuncs()  # noqa: SLF001 - nothing else runs them before `os._exit`; multiprocessing ends its processes alike
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, nobody reads it, or it is closed
            stream.flush()
    os._exit(status)
