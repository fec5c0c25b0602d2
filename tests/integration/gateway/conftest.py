from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from graftwork_gateway.settings import GatewaySettings
from tests.support.doors import MAX_BODY_BYTES
from tests.support.doors import Gateway
from tests.support.doors import gateway_settings
from tests.support.doors import open_gateway


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> GatewaySettings:
    return gateway_settings(kafka_address, mongo_address, tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(
    kafka_address: str, mongo_address: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    waits = {"keep_alive_seconds": 0.1, "stream_gap_seconds": 600.0}
    settings = gateway_settings(kafka_address, mongo_address, home, max_body_bytes=MAX_BODY_BYTES, **waits)
    async with open_gateway(settings) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(shared_gateway: Gateway) -> AsyncIterator[Gateway]:
    """One gateway for all tests of a module, and a tenant for each: they never see each other."""
    async with shared_gateway.as_somebody_new() as mine:
        yield mine
