import json
from typing import Any

import pytest
from pydantic import BaseModel

from graftwork.kit.errors import Overloaded
from graftwork.models.fake import FakePlane
from graftwork.models.fake import Thought
from graftwork.models.fake import describe_fake
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message


class Verdict(BaseModel):
    score: int


def asking(prompt: str = "hi", **fields: Any) -> GenerateRequest:
    return GenerateRequest(pool="evaluator", messages=(Message(role="user", content=prompt),), **fields)


async def text_of(plane: FakePlane, request: GenerateRequest) -> str:
    return (await plane.generate(request, timeout_seconds=5)).texts[0]


@pytest.mark.parametrize("answer", ['{"score":4}', {"score": 4}, Verdict(score=4)])
async def test_it_answers_each_role_call_by_the_name_of_its_schema(answer: Any) -> None:
    plane = FakePlane({"judge": answer, "other": "something else"})

    assert json.loads(await text_of(plane, asking(schema_name="judge"))) == {"score": 4}


async def test_a_role_call_without_an_answer_says_which() -> None:
    with pytest.raises(LookupError, match="propose_metrics"):
        await text_of(FakePlane({"judge": "x"}), asking(schema_name="propose_metrics"))


async def test_a_function_may_answer_later_or_at_once() -> None:
    async def later(request: GenerateRequest) -> str:
        return f"later: {request.messages[0].content}"

    assert await text_of(FakePlane(later), asking("a")) == "later: a"
    assert await text_of(FakePlane(lambda request: request.messages[0].content), asking("b")) == "b"


async def test_what_the_script_raises_the_plane_raises_and_counts() -> None:
    def full(_request: GenerateRequest) -> str:
        raise Overloaded("full", retry_after_seconds=3)

    plane = FakePlane(full)

    with pytest.raises(Overloaded):
        await text_of(plane, asking())
    assert plane.calls == {"evaluator": 1}


async def test_it_remembers_what_it_was_asked() -> None:
    plane = FakePlane(lambda _: "x", pools=[describe_fake("evaluator")])

    await text_of(plane, asking("first"))
    await text_of(plane, asking("second"))

    assert [request.messages[0].content for request in plane.requests] == ["first", "second"]


async def test_a_thought_stays_beside_its_text() -> None:
    thoughtful = FakePlane(lambda _: Thought("2 + 2", "4"))

    generation = await thoughtful.generate(asking(), timeout_seconds=5)

    assert (generation.texts, generation.reasonings) == (("4",), ("2 + 2",))


async def test_a_script_without_thoughts_gives_none() -> None:
    assert (await FakePlane(lambda _: "4").generate(asking(), timeout_seconds=5)).reasonings == ()
