"""``python -m graftwork_solvers``: one solver pod, until SIGTERM or SIGINT; a second signal ends it at once."""

import asyncio
import os
import signal
import sys

import uvloop

from graftwork.kit.errors import PortTaken
from graftwork.kit.logging import configure_logging
from graftwork.kit.logging import get_logger
from graftwork.kit.settings import read_settings
from graftwork.kit.telemetry import telemetry
from graftwork_solvers.settings import SolversSettings


def main() -> None:
    """Run the pod. What an operator can mend is told in plain lines, with exit status 1."""
    settings = read_settings(SolversSettings)
    configure_logging("solvers", settings)
    try:
        with telemetry("solvers"), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signalled(settings))
    except PortTaken as error:
        sys.exit(str(error))
    except asyncio.CancelledError:
        sys.exit("ended at once, as asked")
    except Exception:  # noqa: BLE001 - told as a line of the log, with secrets hidden, which Python's own words are not
        get_logger(__name__).critical("service.crashed", exc_info=True)
        sys.exit(1)


async def _until_signalled(settings: SolversSettings) -> None:
    # Read as gRPC is imported. An engine is started by a fork that ends in an exec, which needs none of gRPC's care
    # for forks, nor a line in the log that says so in a form of its own.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from graftwork_solvers.bootstrap import run  # noqa: PLC0415

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
