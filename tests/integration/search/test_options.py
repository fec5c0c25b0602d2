"""What the options of a search change: waves, rewards, rulers, the anchor, finalists, and what is told of them."""

import asyncio
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowProposed
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.ids import stable_int
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.usage import SpendPurpose
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import MetricSet
from graftwork_search.documents import NODES
from graftwork_search.settings import SearchSettings
from tests.support.searching import JOB
from tests.support.searching import a_failure
from tests.support.searching import a_spec
from tests.support.searching import play
from tests.support.workers import Answers
from tests.support.workers import Workers
from tests.support.workers import blob
from tests.support.workers import used


def opinion(*about: str) -> float:
    """A score of 2.5-3.5 that depends on what it is about alone."""
    return 2.5 + stable_int(*about) % 101 / 100


def judge(request: ScoresRequested, workers: Workers, spread: float = 0.5) -> Answers:
    """Scores that differ from node to node, the same in every run, and an anchor that contradicts them."""
    score = opinion(request.node_id, request.component)
    by_sample = (score - spread, score, score + spread)
    anchored = {"anchor_score": 6 - score, "anchor_matrix": blob("by the anchor")} if request.anchor else {}
    return [
        a.model_copy(update={"score": score, "by_sample": by_sample, **anchored}) if isinstance(a, ScoresReady) else a
        for a in workers.usual(request)
    ]


def shape(nodes: Mapping[int, NodeSnapshot]) -> list[tuple[Any, ...]]:
    """All of a tree that the anchor may not touch."""
    kept = ("round", "state", "parent_id", "ticket", "parent_probabilities", "reward", "final_reward", "suggestions")
    return [tuple(getattr(nodes[number], name) for name in kept) for number in sorted(nodes)]


async def test_a_wave_is_drawn_among_older_nodes_and_the_next_waits_for_all_of_it(settings: SearchSettings) -> None:
    async with play(settings, {ScoresRequested: judge}) as job:
        await job.submit(a_spec(search={"iterations": 6, "width": 4, "selection": "soft_mixed"}))
        end = await job.ended()

    nodes, told = job.nodes(), job.told()
    rounds = {node.node_id: number for number, node in nodes.items()}
    began = {e.node.round: e.version for e in reversed(told) if e.what == "node.requested" and e.node}
    scored = {e.node.round: e.version for e in told if e.what == "node.scored" and e.node}
    assert end.snapshot.state is JobState.SUCCEEDED
    assert end.snapshot.iteration == 6
    assert {nodes[n].parent_id for n in (1, 2, 3, 4)} == {nodes[0].node_id}
    assert all(rounds[str(nodes[n].parent_id)] < 5 for n in (5, 6))
    assert min(began[5], began[6]) > max(scored[n] for n in (1, 2, 3, 4))
    assert all(nodes[0].node_id in nodes[n].parent_probabilities for n in range(1, 7))
    assert len({nodes[n].ticket for n in range(1, 7)}) == 6


async def test_of_twins_in_one_wave_one_is_tried(settings: SearchSettings) -> None:
    def repeat(request: WorkflowRequested, workers: Workers) -> Answers | None:
        [usual] = workers.usual(request)
        assert isinstance(usual, WorkflowProposed)
        return [usual.model_copy(update={"shape_sha256": "0" * 64})] if request.kind is WorkflowKind.REFINE else None

    async with play(settings, {WorkflowRequested: repeat}) as job:
        await job.submit(a_spec(search={"iterations": 4, "width": 4}))
        end = await job.ended()

    states = sorted(job.nodes()[n].state for n in range(1, 5))
    assert end.snapshot.state is JobState.SUCCEEDED
    assert states == [NodeState.DUPLICATE] * 3 + [NodeState.SCORED]
    assert len(job.asked(SamplesRequested, purpose=Purpose.EVALUATION)) == 2


async def test_a_budget_that_runs_out_in_mid_wave_lets_the_others_end_and_production_has_its_half(
    settings: SearchSettings,
) -> None:
    async with play(settings, {ScoresRequested: judge}) as job:
        await job.submit(a_spec(budget={"calls": 32}, search={"iterations": 30, "width": 4}))
        end = await job.ended()

    spent, states = end.snapshot.spent, [node.state for node in job.nodes().values()]
    searched = Usage.total(use for purpose, use in spent.by_purpose.items() if purpose != SpendPurpose.PRODUCTION)
    assert end.snapshot.state is JobState.SUCCEEDED
    assert end.snapshot.production.accepted == 12
    assert searched.calls <= 16
    assert NodeState.FAILED in states
    assert all(state.ended for state in states)
    assert "used up" in next(event.message for event in job.told() if event.what == "search.finished")


async def test_cancelled_in_mid_wave_every_child_ends(settings: SearchSettings) -> None:
    held: list[WorkflowRequested] = []

    def hold_odd(request: WorkflowRequested, _workers: Workers) -> Answers | None:
        if request.kind is not WorkflowKind.REFINE or int(request.node_id[-1]) % 2 == 0:
            return None
        held.append(request)
        return []

    async with play(settings, {WorkflowRequested: hold_odd}) as job:
        await job.submit(a_spec(search={"iterations": 4, "width": 4}))
        await job.until(lambda: len(held) == 2 and job.said().count("node.scored") == 3)
        assert len(job.asked(WorkflowRequested, kind=WorkflowKind.REFINE)) == 4
        await job.cancel()
        for request in held:
            await job.bus.send(a_failure(request, "job_stopped"))
        end = await job.ended()

    states = [job.nodes()[n].state for n in range(5)]
    assert end.snapshot.state is JobState.CANCELLED
    assert states == [
        NodeState.SCORED,
        NodeState.FAILED,
        NodeState.SCORED,
        NodeState.FAILED,
        NodeState.SCORED,
    ]


@pytest.mark.parametrize("kept", list(ScoreComponent))
async def test_the_half_of_the_reward_that_is_not_used_is_not_paid(
    settings: SearchSettings, kept: ScoreComponent
) -> None:
    async with play(settings, {ScoresRequested: judge}) as job:
        await job.submit(a_spec(search={"reward": kept.value}))
        end = await job.ended()

    score = {ScoreComponent.SAMPLE: "score_sample", ScoreComponent.WORKFLOW: "score_workflow"}[kept]
    assert end.snapshot.state is JobState.SUCCEEDED
    assert {request.component for request in job.asked(ScoresRequested)} == {kept}
    for node in job.nodes().values():
        assert node.reward == getattr(node, score) == opinion(node.node_id, kept)
        assert node.suggestions
        assert (node.final_reward is None) == (kept is ScoreComponent.WORKFLOW or node.final_scores is None)
    assert len(job.asked(SamplesRequested, purpose=Purpose.FINALIST)) == (3 if kept is ScoreComponent.SAMPLE else 0)


async def test_a_fixed_set_of_metrics_measures_every_node(settings: SearchSettings) -> None:
    async with play(settings, {ScoresRequested: judge}) as job:
        await job.submit(a_spec(search={"metrics": "fixed"}))
        end = await job.ended()

    [root, *later] = job.asked(ScoresRequested, component=ScoreComponent.SAMPLE)
    assert root.metrics is None
    assert {request.metrics for request in later} == {job.nodes()[0].metrics}
    assert {request.anchor for request in [root, *later]} == {None}
    assert end.snapshot.anchor_metrics is None


async def test_the_anchor_is_logged_and_never_steers(settings: SearchSettings) -> None:
    trees: list[list[tuple[Any, ...]]] = []
    winners: list[str | None] = []
    for anchor in (True, False):
        again = settings.model_copy(update={"namespace": f"{settings.namespace}{anchor}".lower()})
        async with play(again, {ScoresRequested: judge}) as job:
            await job.submit(a_spec(seed=5, search={"iterations": 5, "anchor": anchor}))
            end = await job.ended()
        trees.append(shape(job.nodes()))
        winners.append(end.snapshot.winner_node_id)
        root, *later = [job.nodes()[n] for n in range(6)]
        if anchor:
            assert end.snapshot.anchor_metrics == root.metrics
            assert (root.score_anchor, root.anchor_scores) == (root.score_sample, root.scores)
            assert [node.score_anchor for node in later] == [6 - opinion(n.node_id, "sample") for n in later]
        else:
            assert {node.score_anchor for node in [root, *later]} == {None}

    assert trees[0] == trees[1]
    assert winners[0] == winners[1]


async def test_the_users_own_metrics_are_the_anchor_of_every_node(settings: SearchSettings) -> None:
    own = [{"name": "clear", "definition": "a child understands it"}]
    async with play(settings, {ScoresRequested: judge}) as job:
        await job.submit(a_spec(search={"iterations": 1, "own_metrics": own}))
        end = await job.ended()
        anchor = end.snapshot.anchor_metrics
        assert anchor is not None
        stored = await job.service.blobs.get_model(anchor, MetricSet)

    first = [r for r in job.asked(ScoresRequested, component=ScoreComponent.SAMPLE) if r.metrics is None]
    assert [metric.name for metric in stored.metrics] == ["clear"]
    assert anchor.key.startswith(f"{JOB}/")
    assert [request.anchor for request in first] == [anchor, anchor]
    assert all(node.score_anchor is not None for node in job.nodes().values())


async def test_a_node_tells_how_its_metrics_were_chosen(settings: SearchSettings) -> None:
    candidates = (blob("set 0"), blob("set 1"))

    def explain(request: ScoresRequested, workers: Workers) -> Answers:
        told = {"candidates": candidates, "dropped": {"vague": "scored its bad exemplar 4"}, "measure": "lexical"}
        return [a.model_copy(update=told) if isinstance(a, MetricsRegenerated) else a for a in workers.usual(request)]

    async with play(settings, {ScoresRequested: explain}) as job:
        await job.submit(a_spec(search={"iterations": 0}))
        await job.ended()

    root = job.nodes()[0]
    assert root.metric_candidates == candidates
    assert (root.overlaps, root.chosen_candidate, root.overlap_measure) == ((0.5, 0.6, 0.4), 1, "lexical")
    assert root.dropped_metrics == {"vague": "scored its bad exemplar 4"}


@pytest.mark.parametrize(("spread", "close"), [(1.4, True), (0.0, False)])
async def test_finalists_have_intervals_and_a_close_race_is_called_one(
    settings: SearchSettings, spread: float, *, close: bool
) -> None:
    async with play(settings, {ScoresRequested: partial(judge, spread=spread)}) as job:
        await job.submit(a_spec(seed=5, search={"iterations": 5}))
        end = await job.ended()

    finals = [node for node in job.nodes().values() if node.final_interval is not None]
    praise = next(event.message for event in job.told() if event.what == "search.won")
    assert len(finals) == 3
    for node in finals:
        low, high = node.final_interval or (0, 0)
        assert low <= (node.final_reward or 0) + 1e-9
        assert (node.final_reward or 9) <= high + 1e-9
        assert (high - low > 0.5) == close
        assert node.final_scores is not None
    best, second, _ = sorted(finals, key=lambda node: -(node.final_reward or 0))
    assert end.snapshot.winner_node_id == best.node_id
    assert f"node {second.round}" in praise
    assert ("the difference may be chance" in praise) == close
    assert ("clear of the runner-up" in praise) != close


async def test_what_was_spent_is_told_by_stage_purpose_pool_and_row(settings: SearchSettings) -> None:
    def itemise(request: ScoresRequested, workers: Workers) -> Answers:
        metrics, scoring = used(3), used(4)
        by_task = {"propose_metrics": metrics, "score_samples": scoring}
        bill = {"used": {"pool": metrics["pool"] + scoring["pool"]}, "used_by_task": by_task}
        new_ruler = request.component is ScoreComponent.SAMPLE and request.metrics is None
        return [
            a.model_copy(update=bill) if isinstance(a, ScoresReady) and new_ruler else a for a in workers.usual(request)
        ]

    async with play(settings, {ScoresRequested: itemise}) as job:
        await job.submit(a_spec())
        end = await job.ended()

    spent = end.snapshot.spent
    calls = {purpose: usage.calls for purpose, usage in spent.by_purpose.items()}
    assert calls == {"search": 1 + 4 + 4 + 3, "metrics": 4 * 3, "scoring": 4 * 4 + 4 + 3, "production": 3}
    assert spent.by_stage["score_sample"].calls == 4 * 7
    for part in (spent.by_stage, spent.by_purpose, spent.by_pool):
        assert Usage.total(part.values()) == spent.total
    assert spent.per_row is not None
    assert spent.per_row.calls == spent.total.calls / 12
    assert end.spent == spent


async def test_a_search_can_be_replayed_from_its_ledger_and_a_changed_record_is_found(
    settings: SearchSettings,
) -> None:
    async with play(settings, {ScoresRequested: judge}) as job:
        await job.submit(a_spec(seed=3, search={"iterations": 5, "width": 2}))
        await job.ended()
        clean = await replayed(settings, JOB)
        await job.service.ledger.transaction(
            lambda tx: tx.update(NODES, {"_id": f"{JOB}:node:2"}, {"$set": {"ticket": 0.25}})
        )
        changed = await replayed(settings, JOB)
        unknown = await replayed(settings, "job-2")

    assert clean[0] == 0, clean[1]
    assert clean[1].count("same     ") > 15
    assert "0 of them differ" in clean[1]
    assert changed[0] == 1
    assert "DIFFERS  node 2 draw: recorded" in changed[1]
    assert unknown[0] == 2
    assert "no search of a job job-2" in unknown[1]


async def replayed(settings: SearchSettings, job_id: str) -> tuple[int | None, str]:
    """Run the replay as an operator would: its exit code and what it says."""
    where = {"GRAFTWORK_MONGO": settings.mongo, "GRAFTWORK_NAMESPACE": settings.namespace}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "graftwork_search.replay", job_id, env={**os.environ, **where},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()
