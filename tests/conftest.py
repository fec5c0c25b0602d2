"""What every test can ask for."""

import signal

import pytest
from hypothesis import settings

pytest_plugins = ["tests.support.servers", "tests.support.platforms"]
# A loaded machine is slow, and how slow proves nothing.
settings.register_profile("house", deadline=None, max_examples=50)
settings.load_profile("house")


def pytest_configure() -> None:
    """Let what tests start be interrupted, also where the tests themselves run in the background of a script."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on a whole platform takes longest, so it begins first: begun last, it would keep all waiting."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
