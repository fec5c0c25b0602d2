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
    """What takes longest begins first: begun last, it would keep all waiting."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    """Tests of one platform, which one process has to run one after the other; other long ones; the rest."""
    if item.get_closest_marker("xdist_group"):
        return 0
    return 1 if item.get_closest_marker("e2e") or item.get_closest_marker("tiny") else 2
