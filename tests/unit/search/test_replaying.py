"""A recorded search proves itself, and whatever is changed in the record is found."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import NodeState
from graftwork_search.convergence import Stop
from graftwork_search.convergence import StopCode
from graftwork_search.convergence import decide
from graftwork_search.documents import JobDocument
from graftwork_search.documents import LossCode
from graftwork_search.documents import NodeDocument
from graftwork_search.finals import best_final
from graftwork_search.finals import final_interval
from graftwork_search.finals import final_reward
from graftwork_search.replaying import replay
from graftwork_search.reward import reward_of
from graftwork_search.selection import draw_parent
from graftwork_search.selection import ticket_for
from graftwork_search.selection import top
from graftwork_search.tree import by_wave
from graftwork_search.tree import candidates
from graftwork_search.tree import outcome

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
Judge = Callable[[int], tuple[float, float] | None]
Recorded = tuple[JobDocument, list[NodeDocument]]


def a_spec(**search: Any) -> JobSpec:
    defaults = {"iterations": 8, "patience": 3, "evaluation_samples": 4}
    return JobSpec.model_validate(
        {"task": "explanations of fractions", "count": 3, "seed": 11, "search": defaults | search}
    )


def searched(spec: JobSpec, judge: Judge) -> Recorded:
    """A search as it would be recorded; ``judge`` says the two scores of a node, or None where it failed."""
    job = JobDocument(
        id="j", tenant="t", spec_ref=BlobRef(key="k", sha256="0" * 64, size_bytes=1), spec=spec, submitted_at=NOON
    )
    nodes = [ended(spec, NodeDocument(id="j:node:0", job_id="j", round=0), (3.0, 3.0))]
    while (stop := decide(spec.search, [[outcome(n) for n in wave] for wave in by_wave(nodes)])) is None:
        nodes += next_wave(spec, nodes, judge)
    job.search_end = stop
    job.finalists = [choice.node_id for choice in top(candidates(nodes), spec.search.finalists)]
    finalists = [node for node in nodes if node.id in job.finalists]
    for node in finalists:
        node.final_by_sample = [2.0, 3.0, float(node.round % 5 + 1)]
        node.final_sample_score = sum(node.final_by_sample) / 3
        node.final_reward, node.final_interval = final_reward(spec, node), final_interval(spec, node)
    winner = best_final([node for node_id in job.finalists for node in nodes if node.id == node_id])
    assert winner is not None
    job.winner = winner.id
    return job, nodes


def next_wave(spec: JobSpec, nodes: list[NodeDocument], judge: Judge) -> list[NodeDocument]:
    wave, first = nodes[-1].wave + 1, nodes[-1].round + 1
    numbers = range(first, min(first + spec.search.width, spec.search.iterations + 1))
    return [ended(spec, child(spec, nodes, number, wave), judge(number)) for number in numbers]


def child(spec: JobSpec, nodes: list[NodeDocument], number: int, wave: int) -> NodeDocument:
    ticket = ticket_for(spec.seed, number)
    drawn = draw_parent(candidates(nodes), k=spec.search.top_k, ticket=ticket, selection=spec.search.selection)
    return NodeDocument(
        id=f"j:node:{number}",
        job_id="j",
        parent_id=drawn.node_id,
        round=number,
        wave=wave,
        ticket=ticket,
        parent_probabilities=dict(drawn.probabilities),
    )


def ended(spec: JobSpec, node: NodeDocument, scores: tuple[float, float] | None) -> NodeDocument:
    if scores is None:
        node.state = NodeState.INVALID
        return node
    node.state, (node.score_sample, node.score_workflow) = NodeState.SCORED, scores
    node.reward = reward_of(spec.search.reward, sample=node.score_sample, workflow=node.score_workflow)
    return node


judgements = st.lists(
    st.one_of(st.none(), st.tuples(st.floats(1, 5), st.floats(1, 5))),
    min_size=8,
    max_size=8,
)
searches = st.fixed_dictionaries(
    {
        "selection": st.sampled_from(["paper", "soft_mixed"]),
        "reward": st.sampled_from(["hybrid", "sample"]),
        "width": st.integers(1, 4),
        "top_k": st.integers(1, 4),
    }
)


@given(searches, judgements)
def test_a_search_of_any_kind_comes_out_as_it_was_recorded(
    search: dict[str, Any], scores: list[tuple[float, float] | None]
) -> None:
    checks = list(replay(*searched(a_spec(**search), lambda number: scores[number - 1])))

    assert [check.line for check in checks if not check.same] == []
    assert len(checks) > 5


def rising(number: int) -> tuple[float, float]:
    return (min(5.0, 1 + number / 2), 3.0)


def test_every_decision_has_a_line() -> None:
    job, nodes = searched(a_spec(iterations=4, patience=9), rising)
    about = [check.about for check in replay(job, nodes)]

    for number in range(1, 5):
        assert f"node {number} draw" in about
        assert f"node {number} reward (scored)" in about
        assert f"after wave {number - 1}" in about
    assert about[-1] == "winner"
    assert {"search ended", "finalists"} < set(about)


def _another_parent(_job: JobDocument, nodes: list[NodeDocument]) -> None:
    node = nodes[3]
    node.parent_id = next(n for n in node.parent_probabilities if n != node.parent_id)


def _another_ticket(_job: JobDocument, nodes: list[NodeDocument]) -> None:
    nodes[2].ticket = 0.5


def _another_chance(_job: JobDocument, nodes: list[NodeDocument]) -> None:
    nodes[2].parent_probabilities["j:node:0"] += 1e-6


def _a_better_reward(_job: JobDocument, nodes: list[NodeDocument]) -> None:
    nodes[1].reward = 5.0


def _a_worse_score(_job: JobDocument, nodes: list[NodeDocument]) -> None:
    nodes[1].score_sample = 1.0


def _a_longer_search(_job: JobDocument, nodes: list[NodeDocument]) -> None:
    nodes.append(nodes[-1].model_copy(update={"wave": nodes[-1].wave + 1, "round": nodes[-1].round + 1, "id": "x"}))


def _another_reason(job: JobDocument, _nodes: list[NodeDocument]) -> None:
    job.search_end = Stop(code=StopCode.CONVERGED, message="converged")


def _another_finalist(job: JobDocument, nodes: list[NodeDocument]) -> None:
    job.finalists[-1] = nodes[0].id


def _a_better_final(_job: JobDocument, nodes: list[NodeDocument]) -> None:
    next(node for node in nodes if node.final_reward is not None).final_reward = 4.999


def _a_narrower_interval(_job: JobDocument, nodes: list[NodeDocument]) -> None:
    next(node for node in nodes if node.final_interval is not None).final_interval = (2.99, 3.0)


def _another_winner(job: JobDocument, nodes: list[NodeDocument]) -> None:
    job.winner = next(node.id for node in nodes if node.id != job.winner)


@pytest.mark.parametrize(
    "tamper",
    [
        _another_parent,
        _another_ticket,
        _another_chance,
        _a_better_reward,
        _a_worse_score,
        _a_longer_search,
        _another_reason,
        _another_finalist,
        _a_better_final,
        _a_narrower_interval,
        _another_winner,
    ],
)
def test_a_changed_record_is_found(tamper: Callable[[JobDocument, list[NodeDocument]], None]) -> None:
    job, nodes = searched(a_spec(iterations=5, patience=9), rising)
    assert all(check.same for check in replay(job, nodes))

    tamper(job, nodes)

    differing = [check for check in replay(job, nodes) if not check.same]
    assert differing
    assert all(check.line.startswith("DIFFERS") for check in differing)


def test_a_search_that_was_ended_from_outside_says_so_and_holds() -> None:
    job, nodes = searched(a_spec(), rising)
    kept = nodes[:4]
    kept[3].state, kept[3].reward, kept[3].lost_by = NodeState.FAILED, None, LossCode.INTERRUPTED
    job.search_end = Stop(code=StopCode.TIME, message="no time left")
    job.winner = None

    checks = list(replay(job, kept))

    assert all(check.same for check in checks)
    assert checks[-1].line == "same     search ended from outside: no time left"
