"""What is told of a node: in a card, in its tooltip, and in the panel of the page. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from graftwork.contracts.jobs import NodeState
from graftwork.contracts.rest import TreeView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.visible import visible
from graftwork.exports.tree.text import one_line

UNKNOWN = "-"
_LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Odds:
    """One of the nodes that the parent was drawn among. ``share``: its probability, 0-1."""

    node: str
    share: float
    chosen: bool


@dataclass(frozen=True)
class Facts:
    """A node as people read it. ``mark``: winner, best so far, or nothing; ``line``: what it is about, in one line."""

    id: str
    name: str
    parent: str | None
    state: str
    mark: str
    reward: float | None
    final: float | None
    line: str
    scores: tuple[tuple[str, str], ...]
    texts: tuple[tuple[str, str], ...]
    odds: tuple[Odds, ...]
    why: str

    @property
    def scored(self) -> bool:
        """Whether it has a reward of its own, and not the minimum that failures get."""
        return self.state == NodeState.SCORED and self.reward is not None

    @property
    def tooltip(self) -> str:
        """Everything in lines."""
        head = " · ".join(part for part in (self.name, self.state, self.mark) if part)
        scores = [f"{name}: {value}" for name, value in self.scores]
        return "\n".join([head, *scores, self.why, *(f"{name}: {text}" for name, text in self.texts)])

    def plain(self) -> dict[str, Any]:
        """As JSON says it."""
        return {**asdict(self), "scored": self.scored}


def facts_of(view: TreeView) -> tuple[Facts, ...]:
    """Tell every node of a tree, older ones first."""
    nodes = sorted(view.nodes, key=lambda node: (node.round, node.node_id))
    names = {node.node_id: _name(node) for node in nodes}
    marks = _marks(view.job.snapshot)
    return tuple(_facts(node, names, marks.get(node.node_id, "")) for node in nodes)


def _facts(node: NodeSnapshot, names: Mapping[str, str], mark: str) -> Facts:
    return Facts(
        id=node.node_id,
        name=names[node.node_id],
        parent=node.parent_id,
        state=str(node.state),
        mark=mark,
        reward=node.reward,
        final=node.final_reward,
        line=one_line(node.error) or one_line(node.modification),
        scores=tuple(_scores(node)),
        texts=tuple((name, visible(text[:_LONGEST_TEXT]).strip()) for name, text in _texts(node) if text.strip()),
        odds=_odds(node, names),
        why=_why(node, names),
    )


def _name(node: NodeSnapshot) -> str:
    return "Root" if node.parent_id is None else f"Node {node.round}"


def _marks(job: JobSnapshot | None) -> Mapping[str, str]:
    if job is None:
        return {}
    if job.winner_node_id is not None:
        return {job.winner_node_id: "winner"}
    return {} if job.best_node_id is None else {job.best_node_id: "best so far"}


def _scores(node: NodeSnapshot) -> Iterator[tuple[str, str]]:
    yield "Reward", score(node.reward)
    yield "Samples", score(node.score_sample)
    yield "Workflow", score(node.score_workflow)
    if node.score_anchor is not None:
        yield "By the frozen metrics", score(node.score_anchor)
    if node.final_reward is not None:
        yield "As a finalist", score(node.final_reward)
    if node.final_interval is not None:
        yield "95 % interval", "{:.2f} to {:.2f}".format(*node.final_interval)
    failed = sum(node.samples_failed.values())
    if node.samples_ok or failed:
        why = ", ".join(f"{visible(reason)} {count}" for reason, count in sorted(node.samples_failed.items()))
        yield "Good samples", f"{node.samples_ok} of {node.samples_ok + failed}{f' ({why})' if why else ''}"


def score(value: float | None) -> str:
    """Two decimals of the 1-5 scale, or a dash where it was not measured."""
    return UNKNOWN if value is None else f"{value:.2f}"


def _texts(node: NodeSnapshot) -> Iterator[tuple[str, str]]:
    yield "What was changed", node.modification or ""
    yield "What went wrong", node.error or ""
    yield "Asked for by a person", node.feedback or ""
    yield "Suggestions", _list(node.suggestions)
    yield "Metrics dropped", _list([f"{name}: {why}" for name, why in sorted(node.dropped_metrics.items())])


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _odds(node: NodeSnapshot, names: Mapping[str, str]) -> tuple[Odds, ...]:
    shares = sorted(node.parent_probabilities.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Odds(_named(name, names), share, name == node.parent_id) for name, share in shares)


def _why(node: NodeSnapshot, names: Mapping[str, str]) -> str:
    if node.parent_id is None:
        return "The root: it has no parent"
    parent = _named(node.parent_id, names)
    if not node.parent_probabilities:
        return f"Made from {parent}"
    ticket = "" if node.ticket is None else f", by the number {node.ticket:.4f}"
    share = node.parent_probabilities.get(node.parent_id)
    likely = "" if share is None else f" ({share:.1%})"
    count = len(node.parent_probabilities)
    return f"Made from {parent}{likely}, drawn among {count} node{'s' * (count > 1)}{ticket}"


def _named(node_id: str, names: Mapping[str, str]) -> str:
    return names.get(node_id, visible(node_id))
