"""Trees of searches, as the gateway tells them."""

from datetime import UTC
from datetime import datetime
from random import Random
from typing import Any

from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import TreeView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CHANGES = (
    "Ask for one everyday example before the rule",
    "Check the arithmetic in code and repair a wrong sum once",
    "Vary the opening by the seed's audience",
    "Name the misconception first, then resolve it",
    "Draft, criticise, and rewrite in plainer words",
    "Limit the explanation to four short sentences",
    "Let the child find the last step alone",
    "Split the prompt: plan the story, then tell it",
    "Drop answers that repeat the question",
    "Give two analogies and keep the simpler one",
)


def node_id(number: int) -> str:
    return f"job-1:node:{number}"


def node(number: int, parent: int | None = None, **fields: Any) -> NodeSnapshot:
    """A scored node."""
    parent_id = None if parent is None else node_id(parent)
    fields = {"state": "scored", "reward": 3.0, "score_sample": 2.5, "score_workflow": 3.5, "samples_ok": 8, **fields}
    return NodeSnapshot(node_id=node_id(number), parent_id=parent_id, round=number, **fields)


def tree(*nodes: NodeSnapshot, name: str = "fractions", **snapshot: Any) -> TreeView:
    """The tree of a job."""
    told = JobSnapshot(
        job_id="job-1", version=9, state=JobState.SUCCEEDED, phase=JobPhase.ENDED, updated_at=NOW, **snapshot
    )
    job = JobView(
        id="job-1", name=name, task="Explain fractions.", count=20, strategy="autosynth", state=JobState.SUCCEEDED,
        snapshot=told, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    return TreeView(job=job, nodes=nodes)


def searched(count: int, seed: int = 0) -> TreeView:
    """A search of ``count`` nodes like the paper's: each child grows on one of the three best."""
    random = Random(seed)  # noqa: S311 (a picture, no secret)
    nodes = [node(0, reward=2.9, score_sample=2.6, score_workflow=3.2, score_anchor=2.7, modification="First workflow")]
    for number in range(1, count):
        nodes.append(_grown(number, nodes, random))
    best = sorted((each for each in nodes if each.state == "scored"), key=lambda each: -(each.reward or 0))[:3]
    for each in best:
        low = round((each.reward or 0) - random.uniform(0.1, 0.3), 2)
        nodes[each.round] = each.model_copy(update={"final_reward": low + 0.15, "final_interval": (low, low + 0.3)})
    return tree(*nodes, best_node_id=best[0].node_id, winner_node_id=best[0].node_id, best_reward=best[0].reward)


def _grown(number: int, nodes: list[NodeSnapshot], random: Random) -> NodeSnapshot:
    scored = sorted((each for each in nodes if each.state == "scored"), key=lambda each: -(each.reward or 0))[:3]
    total = sum(each.reward or 0 for each in scored)
    shares = {each.node_id: (each.reward or 0) / total for each in scored}
    (parent,) = random.choices(scored, [each.reward or 0 for each in scored])
    drawn: dict[str, Any] = {"parent_probabilities": shares, "ticket": random.random()}
    change = random.choice(CHANGES)
    kind = random.random()
    if kind < 0.08:
        error = "NameError: name 'audience' is not defined"
        return node(number, parent.round, state="crashed", reward=1.0, score_sample=None, score_workflow=None,
                    samples_ok=0, samples_failed={"crashed": 8}, error=error, modification=change, **drawn)  # fmt: skip
    if kind < 0.13:
        return node(number, parent.round, state="duplicate", reward=None, score_sample=None, score_workflow=None,
                    samples_ok=0, modification=change, **drawn)  # fmt: skip
    reward = round(min(4.9, 3.2 + 0.7 * ((parent.reward or 3) - 3.2) + random.gauss(0.05, 0.3)), 2)
    spread = random.uniform(-0.1, 0.1)
    return node(number, parent.round, reward=reward, score_sample=reward + spread, score_workflow=reward - spread,
                score_anchor=reward - 0.2, modification=change, samples_failed={"timed_out": 1},
                suggestions=("Shorter sentences.", "Fewer names."), **drawn)  # fmt: skip
