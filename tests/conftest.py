"""What every test can ask for."""

import signal

from hypothesis import settings

pytest_plugins = ["tests.support.servers", "tests.support.platforms"]
# A loaded machine is slow, and how slow proves nothing.
settings.register_profile("house", deadline=None, max_examples=50)
settings.load_profile("house")


def pytest_configure() -> None:
    """Let what tests start be interrupted, also where the tests themselves run in the background of a script."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
