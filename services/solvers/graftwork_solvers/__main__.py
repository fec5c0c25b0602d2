"""``python -m graftwork_solvers``: one solver pod, until SIGTERM or SIGINT; a second signal ends it at once."""

import asyncio
import signal
import sys

import uvloop

from graftwork.kit.errors import GraftworkError
from graftwork.kit.logging import configure_logging
from graftwork_solvers.bootstrap import run
from graftwork_solvers.settings import SolversSettings


def main() -> None:
    """Run the pod; a mistake that an operator can mend is one line and exit status 1."""
    settings = SolversSettings()
    configure_logging("solvers", settings)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signalled(settings))
    except* GraftworkError as group:
        sys.exit("\n".join(str(error) for error in group.exceptions))
    except* asyncio.CancelledError:
        sys.exit("ended at once, as asked")


async def _until_signalled(settings: SolversSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    whole = asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and whole is not None:
            whole.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await run(settings, stop)


if __name__ == "__main__":
    main()
