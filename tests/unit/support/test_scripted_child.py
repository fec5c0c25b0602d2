import httpx
import pytest

from tests.support.scripted_model import Fault
from tests.support.scripted_model import Planned
from tests.support.scripted_model import Script
from tests.support.scripted_model import ScriptedModel
from tests.support.scripted_model import start_scripted_model
from tests.unit.support import asking


async def test_a_child_process_serves_and_ends_with_its_context() -> None:
    async with start_scripted_model(Script(seed=2)) as model, httpx.AsyncClient(trust_env=False) as client:
        await model.fail_next(Planned(fault=Fault.SERVER_ERROR))
        url = f"{model.base_url}/chat/completions"
        statuses = [(await client.post(url, json=asking.body("x"))).status_code for _ in range(2)]
        assert statuses == [503, 200]
        assert (await model.stats())["answered"] == 1
        assert await model.requests("generation") == [asking.body("x")] * 2
        await model.replace(Script(seed=3))
        await model.reset()
        assert (await model.stats())["calls"] == 0
    assert model.process.returncode == 0


def test_a_child_process_that_cannot_start_says_so() -> None:
    with (
        ScriptedModel.running() as model,
        pytest.raises(RuntimeError, match="before it listened"),
        ScriptedModel.running(port=int(model.url.rsplit(":", 1)[1])),
    ):
        pass
