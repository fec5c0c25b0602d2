"""The tree as the decisions see it: whom a child may be grafted on, and how the waves went. Pure."""

from collections.abc import Iterable

from graftwork.contracts.jobs import NodeState
from graftwork_search.convergence import Outcome
from graftwork_search.documents import LossCode
from graftwork_search.documents import NodeDocument
from graftwork_search.selection import Candidate


def candidates(nodes: Iterable[NodeDocument]) -> list[Candidate]:
    """Nodes that may be selected, in order of age: scored ones. Crashed nodes never are."""
    return [
        Candidate(node.id, node.reward, is_root=node.is_root)
        for node in nodes
        if node.state is NodeState.SCORED and node.reward is not None
    ]


def by_wave(nodes: Iterable[NodeDocument]) -> list[list[NodeDocument]]:
    """Nodes by wave, in order of age; the first wave is the root alone."""
    waves: dict[int, list[NodeDocument]] = {}
    for node in nodes:
        waves.setdefault(node.wave, []).append(node)
    return [waves[number] for number in sorted(waves)]


def outcome(node: NodeDocument) -> Outcome:
    """How a node ended, as far as convergence cares."""
    scored = node.state is NodeState.SCORED
    return Outcome(node.reward if scored else None, interrupted=node.lost_by is LossCode.INTERRUPTED)


def latest_metrics(nodes: Iterable[NodeDocument]) -> NodeDocument | None:
    """The youngest scored node that was measured with metrics: its set measures the finalists."""
    measured = [node for node in nodes if node.state is NodeState.SCORED and node.metrics is not None]
    return max(measured, key=lambda node: node.round, default=None)
