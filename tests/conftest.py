"""What every test can ask for."""

from hypothesis import settings

pytest_plugins = ["tests.support.servers", "tests.support.platforms"]
# A loaded machine is slow, and how slow proves nothing.
settings.register_profile("house", deadline=None, max_examples=50)
settings.load_profile("house")
