from typing import Any

import pytest
from structlog.testing import capture_logs

from graftwork.contracts.usage import Usage
from graftwork.models.budget import token_bound
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.plane import ModelDescription
from graftwork_solvers.accounts import Accounts
from graftwork_solvers.endpoint.answers import ChatAnswer
from graftwork_solvers.endpoint.answers import EmbedAnswer
from graftwork_solvers.endpoint.answers import TokenCounts

PRICED = ModelDescription(name="m", prompt_usd_per_mtok=1.0, completion_usd_per_mtok=4.0)
UNPRICED = ModelDescription(name="m")


def request(**fields: Any) -> GenerateRequest:
    return GenerateRequest(pool="p", messages=(Message(role="user", content="añb"),), **fields)


def answer(counts: TokenCounts | None, text: str = "four", thought: str = "") -> ChatAnswer:
    return ChatAnswer((text,), ("stop",), (thought,), ((),), counts, "m")


def test_the_endpoint_s_counts_are_used_and_priced() -> None:
    counts = TokenCounts(prompt_tokens=1_000_000, completion_tokens=500_000)

    used = Accounts().of_chat(request(), answer(counts), PRICED)

    assert used == Usage(calls=1, prompt_tokens=1_000_000, completion_tokens=500_000, cost_usd=3.0)


def test_without_a_price_the_cost_is_unknown() -> None:
    used = Accounts().of_chat(request(), answer(TokenCounts(prompt_tokens=1)), UNPRICED)

    assert used.cost_usd is None


@pytest.mark.parametrize("max_tokens", [None, 3, 1000])
def test_an_endpoint_that_does_not_count_is_charged_at_an_upper_bound(max_tokens: int | None) -> None:
    asked = request(max_tokens=max_tokens)

    used = Accounts().of_chat(asked, answer(None, "naïve", thought="2 + 2 … 4"), PRICED)

    assert used.prompt_tokens == token_bound(asked).prompt_tokens
    assert used.completion_tokens == min(max_tokens or 10**9, 6 + 1 + 11)
    assert used.cost_usd is not None
    assert used.cost_usd > 0


def test_embeddings_without_counts_are_charged_a_token_a_byte() -> None:
    asked = EmbedRequest(pool="p", texts=("añb", "c"))

    used = Accounts().of_embeddings(asked, EmbedAnswer(((1.0,), (2.0,)), None, None), UNPRICED)

    assert used == Usage(calls=1, prompt_tokens=5, cost_usd=None)


def test_missing_counts_are_logged_once_per_model() -> None:
    accounts = Accounts()

    with capture_logs() as logs:
        for _ in range(3):
            accounts.of_chat(request(), answer(None), PRICED)

    assert [(entry["event"], entry["model"]) for entry in logs] == [("endpoint.counts_no_tokens", "m")]
