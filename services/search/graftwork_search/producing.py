"""Production: rounds of chunks until exactly ``count`` rows are accepted, or nothing is left to try with."""

from graftwork.contracts.events import AcceptanceRequested
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesAccepted
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.jobs import JobPhase
from graftwork.kit.errors import GrantExhausted
from graftwork_search.documents import Chunk
from graftwork_search.documents import Production
from graftwork_search.documents import Round
from graftwork_search.documents import Stage
from graftwork_search.ending import STOPPED
from graftwork_search.ending import fail
from graftwork_search.ending import publish
from graftwork_search.errors import Reason
from graftwork_search.following import link_answers
from graftwork_search.production import candidates_wanted
from graftwork_search.production import chunks
from graftwork_search.session import JobSession

_CHUNK_ATTEMPTS = 3
_ACCEPTANCE_ATTEMPTS = 2


async def start_production(session: JobSession) -> None:
    """Begin with the winner."""
    session.job.phase = JobPhase.PRODUCING
    await next_round(session)


async def next_round(session: JobSession) -> None:
    """Ask for as many candidates as the shortfall needs; publish when there is none."""
    job, settings = session.job, session.settings
    made = job.production
    short = session.job.wanted - made.accepted
    if short <= 0:
        await publish(session, complete=True)
        return
    wanted = candidates_wanted(
        short=short,
        accepted=made.accepted,
        judged=made.attempted,
        left=session.job.candidate_budget - made.attempted,
    )
    ranges = list(chunks(made.next_seed, wanted, size=settings.chunk_seeds))[: settings.round_chunks]
    made.current = Round(number=made.rounds, chunks=[Chunk(first=r.first, count=r.count) for r in ranges])
    asked = [
        chunk
        for rank, chunk in enumerate(made.current.chunks)
        if await _ask(session, chunk, rank=rank, parts=len(ranges) - rank)
    ]
    if not asked:
        made.current = None
        await fail(session, Reason.BUDGET_EXHAUSTED, f"{made.accepted} of {session.job.wanted} rows were accepted")
        return
    made.current.chunks = asked
    made.next_seed = asked[-1].first + asked[-1].count
    made.rounds += 1
    session.say("production.round", f"round {made.rounds}: {sum(c.count for c in asked)} candidates for {short} rows")


async def samples_generated(session: JobSession, first: int, answer: SamplesGenerated) -> None:
    """A chunk is there."""
    chunk = _chunk(session, first)
    if chunk is None or chunk.ended:
        return
    chunk.samples = answer.samples
    made = session.job.production
    made.attempted += chunk.count
    session.say("production.chunk", f"{made.attempted} candidates made, {made.accepted} rows accepted so far")
    await _when_made(session)


async def chunk_failed(session: JobSession, first: int, *, code: str) -> None:
    """A chunk could not be made: try again, a few times; then its candidates count as failed."""
    chunk = _chunk(session, first)
    if chunk is None or chunk.ended:
        return
    chunk.attempt += 1
    if code != GrantExhausted.code and chunk.attempt < _CHUNK_ATTEMPTS and await _ask(session, chunk, rank=0, parts=1):
        return
    chunk.failed_code = code
    made = session.job.production
    made.attempted += chunk.count
    made.failed[code] = made.failed.get(code, 0) + chunk.count
    session.say("production.chunk_failed", f"{chunk.count} candidates failed: {code}")
    await _when_made(session)


async def acceptance_failed(session: JobSession, *, code: str, message: str) -> None:
    """The curator could not judge a round: ask once more, then stop."""
    current = session.job.production.current
    if current is None:
        return
    current.acceptance_attempt += 1
    if current.acceptance_attempt < _ACCEPTANCE_ATTEMPTS:
        await _ask_for_acceptance(session, current)
        return
    await fail(session, Reason.CURATION_FAILED, f"{code}: {message}"[:400])


def book_acceptance(session: JobSession, answer: SamplesAccepted) -> None:
    """Count what the curator said of a round."""
    made = session.job.production
    made.current = None
    _recover(made, answer.total_accepted - made.accepted - answer.accepted)
    made.accepted = answer.total_accepted
    made.surplus += answer.surplus
    for counted, news in ((made.rejected, answer.rejected), (made.failed, answer.failed)):
        for reason, number in news.items():
            counted[reason] = counted.get(reason, 0) + number
    session.say("samples.accepted", f"{made.accepted} of {session.job.wanted} rows accepted")


async def samples_accepted(session: JobSession, answer: SamplesAccepted) -> None:
    """A round was judged: publish, or make up for what is short."""
    book_acceptance(session, answer)
    made = session.job.production
    if made.accepted < session.job.wanted and made.attempted >= session.job.candidate_budget:
        detail = f"{made.attempted} candidates brought {made.accepted} of {session.job.wanted} rows"
        await fail(session, Reason.BUDGET_EXHAUSTED, detail)
        return
    await next_round(session)


async def _ask(session: JobSession, chunk: Chunk, *, rank: int, parts: int) -> bool:
    winner = session.node(str(session.job.winner))
    return await session.request(
        Stage.PRODUCTION,
        SamplesRequested,
        key=(chunk.first, chunk.attempt),
        seconds=session.settings.samples_seconds,
        parts=parts,
        chunk_first=chunk.first,
        node_id=winner.id,
        purpose=Purpose.PRODUCTION,
        workflow=winner.workflow,
        space=session.job.space,
        first=chunk.first,
        count=chunk.count,
        rank=rank,
    )


async def _when_made(session: JobSession) -> None:
    current = session.job.production.current
    if current is None or not all(chunk.ended for chunk in current.chunks):
        return
    firsts = [chunk.first for chunk in current.chunks]
    await link_answers(session, Stage.PRODUCTION, chunk_first={"$in": firsts})
    if any(chunk.samples for chunk in current.chunks):
        await _ask_for_acceptance(session, current)
        return
    codes = {str(chunk.failed_code) for chunk in current.chunks}
    session.job.production.current = None
    reason = Reason.BUDGET_EXHAUSTED if codes == {GrantExhausted.code} else Reason.PRODUCTION_FAILED
    await fail(session, reason, f"no chunk of the last round could be made: {', '.join(sorted(codes))}")


async def _ask_for_acceptance(session: JobSession, current: Round) -> None:
    made = session.job.production
    await session.request(
        Stage.ACCEPTANCE,
        AcceptanceRequested,
        key=(current.number, current.acceptance_attempt),
        seconds=session.settings.curation_seconds,
        round=current.number,
        samples=tuple(chunk.samples for chunk in current.chunks if chunk.samples is not None),
        needed=session.job.wanted - made.accepted,
        wanted=session.job.wanted,
    )


def _recover(made: Production, rows: int) -> None:
    """Rows of a round that was given up were accepted all the same, and told too late: they have not failed."""
    left = made.failed.pop(STOPPED, 0) - max(0, rows)
    if left > 0:
        made.failed[STOPPED] = left


def _chunk(session: JobSession, first: int) -> Chunk | None:
    current = session.job.production.current
    if current is None:
        return None
    return next((chunk for chunk in current.chunks if chunk.first == first), None)
