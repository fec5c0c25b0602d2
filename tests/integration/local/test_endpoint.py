from pydantic import SecretStr

from graftwork.local.endpoint import listed_models
from tests.support.scripted_model.child import ScriptedModel
from tests.support.scripted_model.script import Script


async def test_models_of_an_endpoint_are_listed() -> None:
    async with ScriptedModel.started(Script(models=("large", "small"))) as model:
        assert await listed_models(model.base_url, SecretStr("secret")) == ("large", "small")


async def test_an_endpoint_that_lists_nothing_or_does_not_answer_has_none() -> None:
    async with ScriptedModel.started() as model:
        assert await listed_models(f"{model.url}/nowhere", None) == ()

    assert await listed_models(model.base_url, None) == ()
