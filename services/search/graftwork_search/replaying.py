"""Recomputes what a search decided from what it recorded: every draw, reward, stop and finalist. Pure.

A job's seed and the answers of its workers are all that a search depends on; what differs here was changed afterwards,
or decided by other code. What ended the search from outside, its budget or its time, is told but not recomputed.
"""

import math
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import NodeState
from graftwork_search.convergence import StopCode
from graftwork_search.convergence import decide
from graftwork_search.documents import JobDocument
from graftwork_search.documents import NodeDocument
from graftwork_search.finals import best_final
from graftwork_search.finals import final_interval
from graftwork_search.finals import final_reward
from graftwork_search.reward import MINIMUM_REWARD
from graftwork_search.reward import reward_of
from graftwork_search.selection import Draw
from graftwork_search.selection import draw_parent
from graftwork_search.selection import ticket_for
from graftwork_search.selection import top
from graftwork_search.tree import by_wave
from graftwork_search.tree import candidates
from graftwork_search.tree import outcome

_OUTER = {StopCode.BUDGET, StopCode.TIME}
_TOLERANCE = 1e-12  # the last digits of exp() may differ from machine to machine


@dataclass(frozen=True)
class Check:
    """One decision: what it was about, as it was recorded and as it comes out now."""

    about: str
    recorded: str
    recomputed: str

    @property
    def same(self) -> bool:
        """Whether the record holds."""
        return self.recorded == self.recomputed

    @property
    def line(self) -> str:
        """One readable line."""
        if self.same:
            return f"same     {self.about}: {self.recorded}"
        return f"DIFFERS  {self.about}: recorded {self.recorded}, recomputed {self.recomputed}"


def replay(job: JobDocument, nodes: list[NodeDocument]) -> Iterator[Check]:
    """Every decision of the search, in the order in which they were made; ``nodes`` root first."""
    waves = by_wave(nodes)
    for number, wave in enumerate(waves):
        if number:
            yield _went_on(job.opened, waves[:number])
            before = [node for earlier in waves[:number] for node in earlier]
            yield from (_draw(job.opened, before, node) for node in wave)
        yield from (_reward(job.opened, node) for node in wave if node.state.ended)
    if job.search_end is not None:
        yield _stop(job, waves)
    if job.winner is not None:
        yield from _final(job, nodes)


def _went_on(spec: JobSpec, waves: list[list[NodeDocument]]) -> Check:
    stop = decide(spec.search, [[outcome(node) for node in wave] for wave in waves])
    return Check(f"after wave {len(waves) - 1}", "go on", "go on" if stop is None else f"stop: {stop.message}")


def _draw(spec: JobSpec, before: list[NodeDocument], node: NodeDocument) -> Check:
    ticket = ticket_for(spec.seed, node.round)
    choices = candidates(before)
    drawn = (
        draw_parent(choices, k=spec.search.top_k, ticket=ticket, selection=spec.search.selection) if choices else None
    )
    if drawn is not None and _equal(node, drawn, ticket):
        short = _draw_text(node.parent_id, ticket, node.parent_probabilities, before, digits=4)
        return Check(f"node {node.round} draw", short, short)
    recorded = _draw_text(node.parent_id, node.ticket, node.parent_probabilities, before)
    recomputed = _draw_text(drawn.node_id, ticket, drawn.probabilities, before) if drawn else "nothing to draw from"
    return Check(f"node {node.round} draw", recorded, recomputed)


def _equal(node: NodeDocument, drawn: Draw, ticket: float) -> bool:
    return (
        (node.parent_id, node.ticket) == (drawn.node_id, ticket)
        and node.parent_probabilities.keys() == drawn.probabilities.keys()
        and all(
            math.isclose(p, drawn.probabilities[node_id], abs_tol=_TOLERANCE)
            for node_id, p in node.parent_probabilities.items()
        )
    )


def _draw_text(
    parent_id: str | None,
    ticket: float | None,
    chances: Mapping[str, float],
    before: list[NodeDocument],
    *,
    digits: int = 17,
) -> str:
    names = {node.id: str(node.round) for node in before}
    among = ", ".join(f"{names.get(node_id, node_id)}: {chance:.{digits}g}" for node_id, chance in chances.items())
    return f"parent {names.get(str(parent_id), parent_id)} by ticket {ticket} among {{{among}}}"


def _reward(spec: JobSpec, node: NodeDocument) -> Check:
    expected = None
    if node.state is NodeState.SCORED:
        expected = reward_of(spec.search.reward, sample=node.score_sample, workflow=node.score_workflow)
    elif node.state is NodeState.CRASHED and not node.is_root:
        expected = MINIMUM_REWARD
    about = f"node {node.round} reward ({node.state})"
    return Check(about, _number(node.reward), _number(expected))


def _stop(job: JobDocument, waves: list[list[NodeDocument]]) -> Check:
    end = job.search_end
    if end is None or end.code in _OUTER:
        said = end.message if end else ""
        return Check("search ended from outside", said, said)
    stop = decide(job.opened.search, [[outcome(node) for node in wave] for wave in waves])
    return Check("search ended", end.message, stop.message if stop else "go on")


def _final(job: JobDocument, nodes: list[NodeDocument]) -> Iterator[Check]:
    spec, by_id = job.opened, {node.id: node for node in nodes}
    best = [choice.node_id for choice in top(candidates(nodes), spec.search.finalists)]
    # The last of them may have found the purse empty.
    chosen = [node_id for node_id in best if node_id in job.finalists]
    yield Check("finalists", _rounds(job.finalists, by_id), _rounds(chosen, by_id))
    finalists = [by_id[node_id] for node_id in job.finalists if node_id in by_id]
    for node in finalists:
        if node.final_sample_score is not None:
            about = f"node {node.round} re-scored"
            yield Check(about, _number(node.final_reward), _number(final_reward(spec, node)))
            yield Check(f"{about}, interval", str(node.final_interval), str(final_interval(spec, node)))
    winner = best_final(finalists)
    winner_id = winner.id if winner else best[0] if best else ""
    yield Check("winner", _rounds([str(job.winner)], by_id), _rounds([winner_id], by_id))


def _rounds(node_ids: list[str], by_id: Mapping[str, NodeDocument]) -> str:
    return ", ".join(f"node {by_id[i].round}" if i in by_id else i for i in node_ids) or "none"


def _number(value: float | None) -> str:
    return "none" if value is None else repr(value)
