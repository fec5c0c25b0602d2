"""Meeting the review of a job that is being watched: tell how to answer it, or take the answer at once."""

from collections.abc import Awaitable
from collections.abc import Callable

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


class Reviewer:
    """What ``jobs watch`` and ``run`` do about a review.

    Args:
        read_line: gives what a person types, raises ``EOFError``; None: nobody is there to answer.
    """

    def __init__(
        self,
        client: AsyncGraftwork,
        console: Console,
        steps: Steps,
        read_line: ReadLine | None = None,
    ) -> None:
        self._client = client
        self._console = console
        self._steps = steps
        self._read_line = read_line

    async def meet(self, job_id: str, told: OpenReview) -> None:
        """Tell how to answer a review, or take the answer; nothing, where it was answered before."""
        try:
            review = await self._client.review(job_id, told.review_id)
        except NotFound:  # it travels on another way than the job that tells of it
            self._advise(job_id, told)
            return
        if review.state is not ReviewState.OPEN:
            return
        if self._read_line is None or not await self._answered(review, self._read_line):
            self._advise(job_id, told)

    def _advise(self, job_id: str, told: OpenReview) -> None:
        show, approve, revise = review_commands(job_id)
        self._steps(f"The job waits for your review, round {told.round} of {told.rounds}. See it: {show}")
        self._steps(f"Then: {approve}, or {revise}")

    async def _answered(self, review: ReviewView, read_line: ReadLine) -> bool:
        show_review(review, self._console)
        try:
            return await self._answer(review, read_line)
        except EOFError:
            return False
        except Conflict as error:  # somebody else was faster, or the time ran out
            self._steps(str(error))
            return True

    async def _answer(self, review: ReviewView, read_line: ReadLine) -> bool:
        while True:
            said = (await self._ask(PROMPT, read_line)).lower()
            if said in {"a", "approve"}:
                await self._client.approve(review.job_id, review.id)
                self._steps("Approved: the search begins")
                return True
            if said in {"r", "revise"} and (feedback := await self._ask(FEEDBACK_PROMPT, read_line)):
                await self._client.revise(review.job_id, review.id, feedback[:MAX_FEEDBACK_CHARS])
                self._steps("Sent: the workflow is revised")
                return True
            if said in {"l", "later"}:
                return False

    async def _ask(self, prompt: str, read_line: ReadLine) -> str:
        self._console.print(prompt, end="", markup=False)
        return await read_line()
