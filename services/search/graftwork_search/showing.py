"""Who sees the first workflow's samples before a judge does: the client who wanted a preview, or a reviewer.

They are the samples of the evaluation: what a person approves is scored as it is. While a job waits for a
person no request is out, so that nothing is granted or spent, and its clock stands still.
"""

from datetime import timedelta

from graftwork.contracts.events import ReviewRequested
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.jobs import ReviewMode
from graftwork.contracts.snapshots import OpenReview
from graftwork_search.documents import Ending
from graftwork_search.documents import NodeDocument
from graftwork_search.ending import say_last_word
from graftwork_search.errors import Reason
from graftwork_search.session import JobSession
from graftwork_search.timing import stop_clocks
from graftwork_search.work import ReviewExpiry


def show(session: JobSession, node: NodeDocument) -> bool:
    """Show the samples to whoever asked to see them first; False: nobody did, so they can be judged."""
    if not node.is_root:
        return False
    if session.job.preview:
        _end_preview(session, node)
        return True
    if _is_wanted(session):
        _open_review(session, node)
        return True
    return False


def _end_preview(session: JobSession, root: NodeDocument) -> None:
    root.state = NodeState.REVIEWING
    session.say("preview.ready", f"{root.samples_ok} samples of the first workflow", root)
    say_last_word(session, Ending(outcome=JobState.SUCCEEDED, reason=Reason.PREVIEWED))


def _is_wanted(session: JobSession) -> bool:
    rules, job = session.spec.review, session.job
    return rules.mode is ReviewMode.HUMAN and not job.approved and job.reviews < rules.rounds


def _open_review(session: JobSession, root: NodeDocument) -> None:
    rules, job, now = session.spec.review, session.job, session.tx.now
    patience = rules.timeout_seconds
    review = OpenReview(
        review_id=session.own_id("review", job.reviews + 1),
        node_id=root.id,
        round=job.reviews + 1,
        rounds=rules.rounds,
        opened_at=now,
        expires_at=None if patience is None else now + timedelta(seconds=patience),
    )
    job.review, job.state, job.phase = review, JobState.WAITING_FOR_REVIEW, JobPhase.REVIEWING
    root.state = NodeState.REVIEWING
    stop_clocks(session)
    session.tx.emit(
        ReviewRequested(
            job_id=job.id, workflow=root.workflow, samples=root.samples, samples_ok=root.samples_ok, **dict(review)
        )
    )
    if review.expires_at is not None:
        expiry = ReviewExpiry(job_id=job.id, request_id=review.review_id)
        session.tx.enqueue(expiry, not_before=review.expires_at)
    session.say("review.requested", f"review {review.round} of {review.rounds}: waiting for a person", root)
