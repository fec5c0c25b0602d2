"""A review met by a person who watches the job."""

import io
import json
from collections.abc import AsyncIterator
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from rich.console import Console

from graftwork.cli.on_the_spot import Reviewer
from graftwork.cli.steps import Steps
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.snapshots import OpenReview
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from tests.support.canned_gateway import NOW
from tests.support.canned_gateway import Gateway
from tests.support.canned_gateway import problem

WORKFLOW = Workflow(prompts={"draft": "About {{ fact }}."}, code="async def workflow(ctx, seed): ...")
OPEN = OpenReview(review_id="r1", node_id="n0", round=1, rounds=3, opened_at=NOW)


def review(state: ReviewState = ReviewState.OPEN) -> ReviewView:
    return ReviewView(
        id="r1", job_id="job-1", job_name="fractions", task="Write about fractions.", state=state, round=1, rounds=3,
        node_id="n0", samples_ok=1, opened_at=NOW, workflow=WORKFLOW,
        samples=(SampleRow(sample_id="s", seed_index=0, seed={"fact": "halves"}, output={"prompt": "1/2 of 8?"}),),
    )  # fmt: skip


def sent(view: ReviewView) -> httpx.Response:
    return httpx.Response(200, content=view.model_dump_json())


class Desk:
    """A reviewer at a terminal: what they see, and what they will type."""

    def __init__(self, gateway: Gateway, client: AsyncGraftwork, typed: tuple[str, ...] | None) -> None:
        self.gateway = gateway
        self._out = io.StringIO()
        self._typed = iter(typed or ())
        console = Console(file=self._out, width=100)
        steps = Steps(echo=console.out, clock=lambda: 0.0)
        line = None if typed is None else self._line
        self.reviewer = Reviewer(client, console, steps, line)

    async def _line(self) -> str:
        for line in self._typed:
            return line
        raise EOFError

    @property
    def seen(self) -> str:
        return self._out.getvalue()

    @property
    def answered(self) -> list[Any]:
        return [json.loads(request.content) for request in self.gateway.requests if request.method == "POST"]


@pytest.fixture
async def desk() -> AsyncIterator[Callable[..., Desk]]:
    clients: list[AsyncGraftwork] = []

    def made(*answers: httpx.Response, typed: tuple[str, ...] | None = ()) -> Desk:
        gateway = Gateway(*answers)
        clients.append(AsyncGraftwork("http://gateway.test", transport=gateway.transport, retry_seconds=()))
        return Desk(gateway, clients[-1], typed)

    yield made
    for client in clients:
        await client.close()


async def test_workflow_and_samples_are_shown_and_approved(desk: Callable[..., Desk]) -> None:
    at = desk(sent(review()), sent(review(ReviewState.APPROVED)), typed=("a",))

    await at.reviewer.meet("job-1", OPEN)

    assert "About {{ fact }}." in at.seen
    assert "Sample 1 of 1 (fact: halves)\n    prompt: 1/2 of 8?" in at.seen
    assert at.seen.endswith("Approved: the search begins\n")
    assert at.answered == [{"decision": "approve"}]


async def test_a_slip_of_the_finger_is_asked_again_and_feedback_is_sent(desk: Callable[..., Desk]) -> None:
    at = desk(sent(review()), sent(review(ReviewState.REVISED)), typed=("x", "", "revise", "", "R", "Shorter, please."))

    await at.reviewer.meet("job-1", OPEN)

    assert at.answered == [{"decision": "revise", "feedback": "Shorter, please."}]


@pytest.mark.parametrize("typed", [("l",), (), None, ("r",)], ids=["later", "end of input", "nobody there", "half"])
async def test_who_does_not_answer_is_told_how_to(desk: Callable[..., Desk], typed: tuple[str, ...] | None) -> None:
    at = desk(sent(review()), typed=typed)

    await at.reviewer.meet("job-1", OPEN)

    assert at.answered == []
    assert at.seen.endswith(
        "0.0 s  The job waits for your review, round 1 of 3. See it: graftwork reviews show job-1\n"
        "   0.0 s  Then: graftwork reviews approve job-1, or graftwork reviews revise job-1 --feedback '...'\n"
    )


async def test_a_review_that_was_answered_is_passed_over(desk: Callable[..., Desk]) -> None:
    at = desk(sent(review(ReviewState.APPROVED)), typed=("a",))

    await at.reviewer.meet("job-1", OPEN)

    assert (at.seen, at.answered) == ("", [])


async def test_somebody_else_may_be_faster(desk: Callable[..., Desk]) -> None:
    at = desk(sent(review()), problem(409, "it was answered"), typed=("a",))

    await at.reviewer.meet("job-1", OPEN)

    assert at.seen.endswith("Trouble: it was answered\n")


async def test_a_review_that_was_told_of_and_is_not_there_yet_can_be_answered_later(desk: Callable[..., Desk]) -> None:
    at = desk(problem(404), typed=("a",))

    await at.reviewer.meet("job-1", OPEN)

    assert "round 1 of 3. See it: graftwork reviews show job-1\n" in at.seen
