"""A pod that comes later is found by clients whose connections never broke."""

from graftwork.models.addresses import PoolAddresses
from graftwork.models.client import SolverClient
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from tests.support.dns import name_server
from tests.support.endpoints import running_endpoint
from tests.support.eventually import assert_eventually
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

REQUEST = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),))
RECONNECTING = {"solvers_connection_age_seconds": 1.0}


async def test_a_pod_whose_address_appears_gets_calls_of_connected_clients_and_none_fails() -> None:
    async with (
        running_endpoint() as first_endpoint,
        running_endpoint() as second_endpoint,
        running_pod(pod_settings(first_endpoint.url, **RECONNECTING)) as first,
        running_pod(
            pod_settings(second_endpoint.url, solvers_host="127.0.0.2", solvers_port=first.grpc_port, **RECONNECTING)
        ),
        name_server("127.0.0.1") as names,
        SolverClient(
            PoolAddresses.everywhere(f"dns://127.0.0.1:{names.port}/solvers.test:{first.grpc_port}")
        ) as client,
    ):
        await client.generate(REQUEST, timeout_seconds=10)
        assert second_endpoint.bodies == []

        names.addresses = ("127.0.0.1", "127.0.0.2")

        async def the_second_is_asked() -> None:
            await client.generate(REQUEST, timeout_seconds=10)
            assert second_endpoint.bodies

        await assert_eventually(the_second_is_asked, timeout_seconds=60)
