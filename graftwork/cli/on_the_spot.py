"""Meeting the review of a job that is being watched: tell how to answer it, or take the answer at once."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence

from rich.console import Console

from graftwork.cli.review_text import show_review
from graftwork.cli.steps import Steps
from graftwork.cli.words import review_commands
from graftwork.client import AsyncGraftwork
from graftwork.client import Conflict
from graftwork.client import NotFound
from graftwork.contracts.rest_reviews import MAX_FEEDBACK_CHARS
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.snapshots import OpenReview

ReadLine = Callable[[], Awaitable[str]]

PROMPT = "Is this workflow good enough? [a]pprove, [r]evise, [l]ater: "
FEEDBACK_PROMPT = "What should change, in one line? "
APPEARS_WITHIN_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Waits for a review that a job already tells of: the two travel on different ways."""


class Reviewer:
    """What ``jobs watch`` and ``run`` do about a review.

    Args:
        read_line: gives what a person types, raises ``EOFError``; None: nobody is there to answer.
        waits: seconds between attempts to get a review that was told of.
    """

    def __init__(
        self,
        client: AsyncGraftwork,
        console: Console,
        steps: Steps,
        read_line: ReadLine | None = None,
        waits: Sequence[float] = APPEARS_WITHIN_SECONDS,
    ) -> None:
        self._client = client
        self._console = console
        self._steps = steps
        self._read_line = read_line
        self._waits = waits

    async def meet(self, job_id: str, told: OpenReview) -> None:
        """Tell how to answer a review, or take the answer; nothing, where it was answered before."""
        review = await self._open(job_id, told.review_id)
        if review is None:
            return
        if self._read_line is None:
            self._advise(review)
            return
        show_review(review, self._console)
        try:
            await self._answer(review, self._read_line)
        except EOFError:
            self._advise(review)
        except Conflict as error:  # somebody else was faster, or the time ran out
            self._steps(str(error))

    async def _open(self, job_id: str, review_id: str) -> ReviewView | None:
        for wait_seconds in (*self._waits, None):
            try:
                review = await self._client.review(job_id, review_id)
            except NotFound:
                if wait_seconds is None:
                    raise
                await asyncio.sleep(wait_seconds)
            else:
                return review if review.state is ReviewState.OPEN else None
        return None

    def _advise(self, review: ReviewView) -> None:
        show, approve, revise = review_commands(review.job_id)
        self._steps(f"The job waits for your review, round {review.round} of {review.rounds}. See it: {show}")
        self._steps(f"Then: {approve}, or {revise}")

    async def _answer(self, review: ReviewView, read_line: ReadLine) -> None:
        while True:
            said = (await self._ask(PROMPT, read_line)).lower()
            if said in {"a", "approve"}:
                await self._client.approve(review.job_id, review.id)
                self._steps("Approved: the search begins")
                return
            if said in {"r", "revise"} and (feedback := await self._ask(FEEDBACK_PROMPT, read_line)):
                await self._client.revise(review.job_id, review.id, feedback[:MAX_FEEDBACK_CHARS])
                self._steps("Sent: the workflow is revised")
                return
            if said in {"l", "later"}:
                self._advise(review)
                return

    async def _ask(self, prompt: str, read_line: ReadLine) -> str:
        self._console.print(prompt, end="", markup=False)
        return await read_line()
