"""Channels to the pods, one per address, made anew once our certificate was renewed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from graftwork.kit.certificates import CertificateFiles
from graftwork.models.channels import client_options
from graftwork.models.credentials import client_credentials
from graftwork.models.proto.v1 import solvers_pb2_grpc


@dataclass(eq=False)
class _Line:
    channel: grpc.aio.Channel
    stub: Any
    credentials: grpc.ChannelCredentials | None
    calls: int = 0


class Lines:
    """Open lines. A channel is made on the loop that first uses it.

    gRPC's channels keep the certificate that they were made with, so a renewed one takes a new channel; the old one
    ends with its last call.
    """

    def __init__(self, certificates: CertificateFiles | None = None) -> None:
        """Raises ``CertificateUnusable``."""
        self._renewed = client_credentials(certificates) if certificates else None
        self._lines: dict[str, _Line] = {}
        self._replaced: set[_Line] = set()

    @asynccontextmanager
    async def to(self, target: str) -> AsyncIterator[Any]:
        """The stub for ``target``, for one call."""
        line = await self._line(target)
        line.calls += 1
        try:
            yield line.stub
        finally:
            line.calls -= 1
            await self._end_if_replaced(line)

    async def close(self) -> None:
        """Close all channels; calls under way are cancelled."""
        lines = [*self._lines.values(), *self._replaced]
        self._lines.clear()
        self._replaced.clear()
        for line in lines:
            await line.channel.close()

    async def _line(self, target: str) -> _Line:
        credentials = self._renewed.current() if self._renewed else None
        line = self._lines.get(target)
        if line is not None and line.credentials is credentials:
            return line
        new = self._lines[target] = _open(target, credentials)
        if line is not None:
            self._replaced.add(line)
            await self._end_if_replaced(line)
        return new

    async def _end_if_replaced(self, line: _Line) -> None:
        if line in self._replaced and not line.calls:
            self._replaced.discard(line)
            await line.channel.close()


def _open(target: str, credentials: grpc.ChannelCredentials | None) -> _Line:
    options = client_options()
    channel = (
        grpc.aio.secure_channel(target, credentials, options=options)
        if credentials
        else grpc.aio.insecure_channel(target, options=options)
    )
    return _Line(channel, solvers_pb2_grpc.SolversStub(channel), credentials)
