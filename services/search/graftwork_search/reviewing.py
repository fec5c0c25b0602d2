"""What a person says of the first workflow, and what becomes of it.

Whatever names a review that is not open is absorbed: a second answer, one that comes after the job was cancelled,
one to a review of an earlier round.
"""

from graftwork.contracts.events import Decision
from graftwork.contracts.events import ReviewSubmitted
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.snapshots import OpenReview
from graftwork.kit.errors import MalformedEvent
from graftwork.kit.logging import get_logger
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import Revision
from graftwork_search.ending import cancel
from graftwork_search.evaluating import ask_for_scores
from graftwork_search.opening import revise_root
from graftwork_search.session import JobSession
from graftwork_search.timing import start_clocks

log = get_logger(__name__)
_SHOWN_CHARS = 200


async def review_submitted(session: JobSession, answer: ReviewSubmitted) -> None:
    """Score what was approved, or have it rewritten. Raises ``MalformedEvent`` for a revision that says nothing."""
    review = _open(session, answer.review_id)
    if review is None:
        return
    if answer.decision is Decision.APPROVE:
        await _approve(session, review, "approved by a person")
        return
    feedback = (answer.feedback or "").strip()
    if not feedback:
        raise MalformedEvent(f"review {review.review_id} is to be revised, but nothing is said about how")
    await _revise(session, review, feedback)


async def review_expired(session: JobSession, review_id: str) -> None:
    """Nobody answered within the time that the job gives."""
    review = _open(session, review_id)
    if review is None:
        return
    if session.spec.review.on_timeout == "approve":
        await _approve(session, review, "nobody answered in time, which this job takes as a yes")
    else:
        await cancel(session, "nobody answered the review in time")


def _open(session: JobSession, review_id: str) -> OpenReview | None:
    review = session.job.review
    if review is not None and review.review_id == review_id:
        return review
    log.info("review.absorbed", review_id=review_id, open=review.review_id if review else None)
    return None


async def _approve(session: JobSession, review: OpenReview, message: str) -> None:
    root = _close(session, review)
    session.job.approved = True
    session.say("review.approved", f"review {review.round} of {review.rounds}: {message}", root)
    await ask_for_scores(session, root)


async def _revise(session: JobSession, review: OpenReview, feedback: str) -> None:
    root = _close(session, review)
    session.job.revision = Revision(feedback=feedback, samples=root.samples)
    shown = " ".join(feedback.split())[:_SHOWN_CHARS]
    session.say("review.revised", f"review {review.round} of {review.rounds}: {shown}", root)
    await revise_root(session, root)


def _close(session: JobSession, review: OpenReview) -> NodeDocument:
    job = session.job
    job.review, job.reviews = None, review.round
    job.state, job.phase = JobState.RUNNING, JobPhase.INITIALISING
    start_clocks(session)
    return session.node(review.node_id)
