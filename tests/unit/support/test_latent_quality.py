from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pytest

from tests.support.scripted_model import Quality
from tests.support.scripted_model.draws import Draws
from tests.support.scripted_model.latent import code_marker
from tests.support.scripted_model.latent import metric_score
from tests.support.scripted_model.latent import score
from tests.support.scripted_model.latent import template_marker
from tests.support.scripted_model.latent import text_marker
from tests.unit.support import asking

METRICS = ("Factual soundness", "Plain wording", "Use of examples")


@dataclass(frozen=True)
class Node:
    workflow: Mapping[str, Any]
    reward: float


def samples(workflow: Mapping[str, Any], seed: int, count: int = 5) -> list[str]:
    template = workflow["prompts"][0]["template"]
    rendered = [template.replace("{{ topic }}", f"topic {place}") for place in range(count)]
    return [asking.text(prompt, seed=seed) for prompt in rendered]


def reward(workflow: Mapping[str, Any], seed: int) -> float:
    listed = "\n".join(f"- {name}: as it says" for name in METRICS)
    rows = [asking.answer(f"{listed}\n{one}", role="score_sample", seed=seed) for one in samples(workflow, seed)]
    of_samples = fmean(cell["score"] for row in rows for cell in row["judgements"])
    judged = asking.answer(asking.shown(workflow), role="judge_workflow", seed=seed)
    of_workflow = fmean([*judged["code"].values(), *judged["prompt"].values()])
    return (of_samples + of_workflow) / 2


def search(seed: int, *, iterations: int, knobs: Quality) -> list[Node]:
    """The paper's loop: parent drawn from the top three in proportion to the reward."""
    root = asking.answer(f"Task: {asking.TASK}\n{asking.RECORD}", role="init_workflow", seed=seed)
    nodes = [Node(root, reward(root, seed))]
    for iteration in range(iterations):
        top = sorted(nodes, key=lambda node: -node.reward)[:3]
        drawn = Draws(seed, iteration).between(0, sum(node.reward for node in top))
        parent = next(node for place, node in enumerate(top) if drawn < sum(n.reward for n in top[: place + 1]))
        asked = f"Attempt {iteration}\n{asking.shown(parent.workflow)}"
        child = asking.answer(asked, role="refine_workflow", seed=seed, knobs=knobs)
        nodes.append(Node(child, reward(child, seed + iteration)))
    return nodes


@pytest.mark.parametrize("seed", range(5))
def test_a_simple_search_climbs(seed: int) -> None:
    nodes = search(seed, iterations=12, knobs=Quality())
    assert max(node.reward for node in nodes) > nodes[0].reward + 1.0


@pytest.mark.parametrize("seed", range(5))
def test_a_search_converges_once_three_nodes_are_saturated(seed: int) -> None:
    nodes = search(seed, iterations=30, knobs=Quality(good_share=0.8))
    assert sorted(node.reward for node in nodes)[-3:] == [5.0, 5.0, 5.0]


def test_bad_modifications_lower_the_reward() -> None:
    nodes = search(3, iterations=6, knobs=Quality(good_share=0.0))
    assert max(nodes, key=lambda node: node.reward) is nodes[0]


@pytest.mark.parametrize("quality", [0.0, 0.225, 0.5, 0.9, 1.0])
def test_the_mean_score_is_the_quality_on_the_scale(quality: float) -> None:
    mean = fmean(score(quality, Draws(place)) for place in range(4000))
    assert mean == pytest.approx(1 + 4 * min(1.0, quality / 0.9), abs=0.05)


def test_some_metrics_are_harder_than_others_except_at_the_top() -> None:
    def means(quality: float) -> set[float]:
        names = [f"metric {place}" for place in range(6)]
        return {
            fmean(metric_score(quality, name, Quality(metric_spread=0.2), Draws(k)) for k in range(300))
            for name in names
        }

    assert max(means(0.5)) - min(means(0.5)) > 0.3
    assert means(0.95) == {5.0}


def test_a_text_carries_the_quality_of_its_prompt() -> None:
    good, bad = (asking.text(f"Topic: halves\n{template_marker(quality)}") for quality in (0.9, 0.1))
    assert asking.answer(good, role="score_sample")["judgements"][0]["score"] >= 4
    assert asking.answer(bad, role="score_sample")["judgements"][0]["score"] <= 2


def test_a_text_that_the_model_did_not_write_scores_one() -> None:
    judged = asking.answer("- Plain wording: x\nThe same canned text.", role="score_sample")
    assert [one["score"] for one in judged["judgements"]] == [1]


def test_samples_shown_in_a_prompt_are_not_taken_for_the_workflow() -> None:
    high = f"{template_marker(0.95)}\nSample: {text_marker(0.0)}"
    judged = asking.answer(high, role="judge_workflow")
    assert set(judged["code"].values()) == {5}


def test_code_that_carries_a_quality_counts_before_the_template() -> None:
    prompt = f"Topic: halves\nDetails: none{code_marker(0.95)}\n{template_marker(0.1)}"
    judged = asking.answer(asking.text(prompt), role="score_sample")
    assert [one["score"] for one in judged["judgements"]] == [5]
