"""The finalists: fresh seeds, one ruler, and the winner.

Rewards of the search were measured with different metric sets; here the best few are measured with the
same one, on seeds that no optimizer has seen. The re-scored R names the winner, and its confidence interval says how
much that is worth.
"""

from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import NodeState
from graftwork_search.convergence import Stop
from graftwork_search.documents import LossCode
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import Stage
from graftwork_search.finals import best_final
from graftwork_search.finals import final_interval
from graftwork_search.finals import final_reward
from graftwork_search.finals import runner_up
from graftwork_search.following import link_answers
from graftwork_search.interval import overlap
from graftwork_search.producing import start_production
from graftwork_search.ranges import finalist_range
from graftwork_search.reward import MINIMUM_REWARD
from graftwork_search.selection import top
from graftwork_search.session import JobSession
from graftwork_search.tree import latest_metrics

GROWING = frozenset({JobPhase.INITIALISING, JobPhase.REVIEWING, JobPhase.SEARCHING})


async def finish_search(session: JobSession, stop: Stop) -> None:
    """Let the best nodes be measured again; a single one needs no comparison, and without metrics there is no ruler."""
    job = session.job
    if job.phase not in GROWING:
        return
    job.phase, job.search_end = JobPhase.FINALISING, stop
    _interrupt(session)
    session.say("search.finished", stop.message)
    ruler = latest_metrics(session.nodes)
    job.last_metrics = ruler.metrics if ruler else None
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
    node.final_sample_score, node.final_by_sample = answer.score, list(answer.by_sample)
    node.final_scores = answer.matrix
    node.final_interval = final_interval(session.spec, node)
    final = final_reward(session.spec, node)
    await settle(session, node, final, f"{_measured(final, node)} on fresh seeds")


async def settle(session: JobSession, node: NodeDocument, final: float | None, message: str) -> None:
    """Note a finalist's outcome; after the last one, name the winner."""
    if node.final_ended:
        return
    node.final_ended, node.final_reward = True, final
    session.say("finalist.scored", f"finalist {node.round}: {message}", node)
    await _when_measured(session)


def _interrupt(session: JobSession) -> None:
    """Give up nodes that are still on their way: the search ended while they were out."""
    for node in session.nodes:
        if not node.state.ended:
            node.state, node.error, node.lost_by = NodeState.FAILED, "the search ended first", LossCode.INTERRUPTED
            session.say("node.failed", f"iteration {node.round}: {node.error}", node)


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
    await link_answers(session, Stage.FINALIST, Stage.SCORE_FINALIST)
    finalists = [session.node(node_id) for node_id in session.job.finalists]
    winner = best_final(finalists) or session.node(top(session.scored(), 1)[0].node_id)
    session.job.winner = winner.id
    session.say("search.won", _praise(winner, runner_up(finalists, winner)), winner)
    await start_production(session)


def _unsettled(session: JobSession) -> int:
    return sum(not session.node(node_id).final_ended for node_id in session.job.finalists)


def _praise(winner: NodeDocument, second: NodeDocument | None) -> str:
    """Who won, by how much, and whether that could be chance."""
    said = f"winner: node {winner.round}, reward {winner.reward or MINIMUM_REWARD:.2f}"
    if winner.final_reward is not None:
        said += f", {_measured(winner.final_reward, winner)} on fresh seeds"
    if second is None or winner.final_interval is None or second.final_interval is None:
        return said
    if overlap(winner.final_interval, second.final_interval):
        rival = f"node {second.round}, {_measured(second.final_reward, second)}"
        return f"{said}; its interval overlaps that of the runner-up ({rival}): the difference may be chance"
    return f"{said}; clear of the runner-up, node {second.round}"


def _measured(final: float | None, node: NodeDocument) -> str:
    """A re-scored reward with its interval."""
    if node.final_interval is None:
        return f"{final or MINIMUM_REWARD:.2f}"
    low, high = node.final_interval
    return f"{final or MINIMUM_REWARD:.2f} (95 % interval {low:.2f}-{high:.2f})"
