"""Settings of property tests."""

from hypothesis import settings

#: No deadline: how long one example takes says nothing on a machine that others share.
law = settings(deadline=None, max_examples=60)
