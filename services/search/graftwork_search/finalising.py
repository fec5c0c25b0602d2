"""The finalists: fresh seeds, one ruler, and the winner.

Rewards of the search were measured with different metric sets; here the best few are measured with the
same one, on seeds that no optimizer has seen. The re-scored R names the winner.
"""

from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobPhase
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import Stage
from graftwork_search.producing import start_production
from graftwork_search.ranges import finalist_range
from graftwork_search.reward import MINIMUM_REWARD
from graftwork_search.reward import hybrid_reward
from graftwork_search.selection import top
from graftwork_search.session import JobSession


async def finish_search(session: JobSession, reason: str) -> None:
    """Let the best nodes be measured again; a single one needs no comparison."""
    job = session.job
    if job.phase not in {JobPhase.INITIALISING, JobPhase.SEARCHING}:
        return
    job.phase = JobPhase.FINALISING
    session.say("search.finished", reason)
    best = [session.node(c.node_id) for c in top(session.scored(), session.spec.search.finalists)]
    if len(best) > 1 and job.last_metrics is not None:
        await _measure(session, best)
    await _when_measured(session)


async def samples_generated(session: JobSession, answer: SamplesGenerated) -> None:
    """A finalist's fresh samples are there: judge them with the last metric set."""
    node = session.node(answer.node_id)
    if not answer.ok:
        await settle(session, node, MINIMUM_REWARD, "crashed on fresh seeds")
        return
    asked = session.job.last_metrics is not None and await session.request(
        Stage.SCORE_FINALIST,
        ScoresRequested,
        key=(node.round,),
        seconds=session.settings.scores_seconds,
        parts=_unsettled(session),
        evaluation_id=derived_id(node.id, "finalist"),
        node_id=node.id,
        component=ScoreComponent.SAMPLE,
        workflow=node.workflow,
        samples=answer.samples,
        metrics=session.job.last_metrics,
    )
    if not asked:
        await settle(session, node, None, "no budget left to re-score it")


async def scores_ready(session: JobSession, answer: ScoresReady) -> None:
    """A finalist was measured."""
    node = session.node(answer.node_id)
    final = hybrid_reward(answer.score, node.score_workflow or MINIMUM_REWARD)
    await settle(session, node, final, f"{final:.2f} on fresh seeds")


async def settle(session: JobSession, node: NodeDocument, final: float | None, message: str) -> None:
    """Note a finalist's outcome; after the last one, name the winner."""
    if node.final_ended:
        return
    node.final_ended, node.final_reward = True, final
    session.say("finalist.scored", f"finalist {node.round}: {message}", node)
    await _when_measured(session)


async def _measure(session: JobSession, finalists: list[NodeDocument]) -> None:
    seeds = finalist_range(session.spec.search)
    for left, node in enumerate(finalists):
        asked = await session.request(
            Stage.FINALIST,
            SamplesRequested,
            key=(node.round,),
            seconds=session.settings.samples_seconds,
            parts=2 * (len(finalists) - left),
            node_id=node.id,
            purpose=Purpose.FINALIST,
            workflow=node.workflow,
            space=session.job.space,
            first=seeds.first,
            count=seeds.count,
        )
        if asked:
            session.job.finalists.append(node.id)


async def _when_measured(session: JobSession) -> None:
    if session.job.phase is not JobPhase.FINALISING or _unsettled(session):
        return
    session.job.winner = _winner(session).id
    winner = session.node(session.job.winner)
    session.say("search.won", f"winner: node {winner.round}, reward {winner.reward or MINIMUM_REWARD:.2f}", winner)
    await start_production(session)


def _unsettled(session: JobSession) -> int:
    return sum(not session.node(node_id).final_ended for node_id in session.job.finalists)


def _winner(session: JobSession) -> NodeDocument:
    """Best by re-scored R; nodes that could not be measured again stand behind those that could."""
    measured = [session.node(n) for n in session.job.finalists if session.node(n).final_reward is not None]
    if measured:
        return max(measured, key=lambda node: (node.final_reward or 0.0, node.reward or 0.0))
    return session.node(top(session.scored(), 1)[0].node_id)
