"""A pod that owns its engine: it comes up, dies, hangs and ends, and so do its engine's processes."""

from tests.integration.solvers.test_pod import asking
from tests.support.engines import standin_engine
from tests.support.pods import client_of
from tests.support.pods import running_pod


async def test_a_call_is_answered_by_the_engine() -> None:
    async with standin_engine() as (endpoint, settings), running_pod(settings) as pod, client_of(pod) as client:
        generation = await client.generate(asking("hi"), timeout_seconds=30)

    assert generation.texts == ("hello",)
    assert [body["messages"][-1]["content"] for body in endpoint.bodies] == ["Yes or no?", "hi"]
