"""Which review a command means."""

from collections.abc import Sequence

from graftwork.cli.errors import CliError
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView


async def find_review(client: AsyncGraftwork, job_id: str | None, review_id: str | None = None) -> ReviewView:
    """Return a review with its workflow and samples.

    Without ``review_id``, the open one of the job, else its last; without a job, the only one that is open.

    Raises:
        CliError: there is none, or more than one.
    """
    known = await _of_job(client, job_id) if job_id is not None else await _open(client)
    if review_id is None:
        review_id = next((review.id for review in known if review.state is ReviewState.OPEN), known[0].id)
    return await client.review(job_id or known[0].job_id, review_id)


async def _of_job(client: AsyncGraftwork, job_id: str) -> Sequence[ReviewView]:
    known = (await client.job_reviews(job_id)).items
    if not known:
        raise CliError(f"job {job_id} has asked for no review: only jobs with `review: human` do")
    return known


async def _open(client: AsyncGraftwork) -> Sequence[ReviewView]:
    known = (await client.reviews(state=ReviewState.OPEN)).items
    if not known:
        raise CliError("no review waits for an answer")
    if len(known) > 1:
        jobs = ", ".join(review.job_id for review in known)
        raise CliError(f"several jobs wait for a review, name one: {jobs}")
    return known
