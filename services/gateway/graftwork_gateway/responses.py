"""Answers that are sent piece by piece."""

import asyncio
from collections.abc import AsyncGenerator
from collections.abc import Mapping
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Message
from starlette.types import Send
from typing_extensions import override

from graftwork.kit.logging import get_logger
from graftwork_gateway import metrics

log = get_logger(__name__)


class Streamed(StreamingResponse):
    """Sends what a generator makes, as fast as the client takes it, and closes the generator in any case.

    A client that takes nothing for ``send_seconds`` is given up; it can ask again.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        send_seconds: float,
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._pieces = pieces
        self._send_seconds = send_seconds

    @override
    async def stream_response(self, send: Send) -> None:
        async def bounded(message: Message) -> None:
            async with asyncio.timeout(self._send_seconds):
                await send(message)

        async with aclosing(self._pieces):
            try:
                await super().stream_response(bounded)
            except TimeoutError:
                metrics.STREAMS_DROPPED.inc()
                log.info("stream.dropped", seconds=self._send_seconds)
