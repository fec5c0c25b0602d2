"""Measures how late the event loop calls back: what blocks it delays heartbeats, leases and answers alike."""

import asyncio

from graftwork.kit import metrics

_CHECK_SECONDS = 1.0


async def watch_loop() -> None:
    """Measure once a second; to be cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _CHECK_SECONDS
        await asyncio.sleep(_CHECK_SECONDS)
        metrics.LOOP_LAG_SECONDS.observe(max(0.0, loop.time() - due))
