"""The search loop (AutoSynth, phase 1): waves of ``width`` children, until one of the reasons to stop.

A wave begins when every node of the one before has ended. Each child has a draw of its own among the nodes scored
before the wave, decided by the job's seed and the child's number, so that the tree depends on the answers alone.
"""

from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobPhase
from graftwork.kit.logging import get_logger
from graftwork_search.convergence import Stop
from graftwork_search.convergence import StopCode
from graftwork_search.convergence import decide
from graftwork_search.documents import LossCode
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import Stage
from graftwork_search.finalising import GROWING
from graftwork_search.finalising import finish_search
from graftwork_search.selection import Candidate
from graftwork_search.selection import Draw
from graftwork_search.selection import draw_parent
from graftwork_search.selection import ticket_for
from graftwork_search.session import JobSession
from graftwork_search.timing import TIME_USED_UP
from graftwork_search.timing import search_is_late
from graftwork_search.tree import by_wave
from graftwork_search.tree import outcome

log = get_logger(__name__)
BUDGET_USED_UP = "the search's share of the budget is used up"
_SHOWN_EXPERIENCES = 20


async def next_iteration(session: JobSession) -> None:
    """Once every node has ended, grow the tree by a wave, or end the search."""
    if session.job.phase not in GROWING or not all(node.state.ended for node in session.nodes):
        return
    stop = _why_stop(session)
    if stop is None and not await _expand(session):
        stop = Stop(code=StopCode.BUDGET, message=BUDGET_USED_UP)
    if stop is not None:
        await finish_search(session, stop)


def _why_stop(session: JobSession) -> Stop | None:
    waves = by_wave(session.nodes)
    if any(node.lost_by is LossCode.OUT_OF_BUDGET for node in waves[-1]):
        return Stop(code=StopCode.BUDGET, message=BUDGET_USED_UP)
    if search_is_late(session):
        return Stop(code=StopCode.TIME, message=TIME_USED_UP)
    return decide(session.spec.search, [[outcome(node) for node in wave] for wave in waves])


async def _expand(session: JobSession) -> bool:
    """Ask for the children of the next wave, fewer where the budget is short; whether there is any."""
    job, search = session.job, session.spec.search
    candidates, wave = session.scored(), 1 + max(node.wave for node in session.nodes)
    asked = False
    for parts in range(min(search.width, search.iterations - job.round), 0, -1):
        node, drawn = _child(session, candidates, wave)
        if not await ask_for_child(session, node, parts=parts):
            continue
        asked = True
        job.phase, job.round = JobPhase.SEARCHING, node.round
        _tell(session, session.add(node), drawn)
    return asked


def _child(session: JobSession, candidates: list[Candidate], wave: int) -> tuple[NodeDocument, Draw]:
    """The next node, under a parent drawn by a ticket that the job's seed decides."""
    search, number = session.spec.search, session.job.round + 1
    ticket = ticket_for(session.spec.seed, number)
    drawn = draw_parent(candidates, k=search.top_k, ticket=ticket, selection=search.selection)
    node = NodeDocument(
        id=derived_id(session.job.id, "node", number),
        job_id=session.job.id,
        parent_id=drawn.node_id,
        round=number,
        wave=wave,
        parent_probabilities=dict(drawn.probabilities),
        ticket=ticket,
    )
    return node, drawn


async def ask_for_child(session: JobSession, node: NodeDocument, *, parts: int) -> bool:
    """Ask for the workflow of a node that is not the root; False when nothing is left to pay for it."""
    parent = session.node(str(node.parent_id))
    return await session.request(
        Stage.WORKFLOW,
        WorkflowRequested,
        key=(node.round, node.attempt),
        seconds=session.settings.workflow_seconds,
        parts=parts,
        node_id=node.id,
        kind=WorkflowKind.REFINE,
        parent=parent.workflow,
        parent_node_id=parent.id,
        parent_reward=parent.reward,
        experiences=tuple(parent.experiences[-_SHOWN_EXPERIENCES:]),
        suggestions=tuple(parent.suggestions),
        space=session.job.space,
    )


def _tell(session: JobSession, node: NodeDocument, drawn: Draw) -> None:
    parent = session.node(drawn.node_id)
    log.info(
        "parent.drawn",
        node_id=node.id,
        parent_id=parent.id,
        ticket=node.ticket,
        entropy_bits=round(drawn.entropy_bits, 4),
        candidates=len(drawn.probabilities),
    )
    chance = f"probability {drawn.probabilities[parent.id]:.2f}, entropy of the draw {drawn.entropy_bits:.2f} bits"
    session.say("node.requested", f"iteration {node.round}: grafting on node {parent.round} ({chance})", node)
