"""Rows and publications for the curator's tests."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import Lineage
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.records import OutputSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import PerRow
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork_curator.publication import Publication

SOME_REF = BlobRef(key="specs/" + "0" * 64 + ".json", sha256="0" * 64, size_bytes=1)
WORKFLOW = Workflow(
    prompts={"draft": "Explain {topic} to a child.\n\nShow ```one``` example.", "check": "Is it true? {text}"},
    code='async def workflow(ctx, seed):\n    return {"prompt": seed["topic"], "completion": "..."}\n',
)
SPACE = SeedSpace(facets={"topic": ("halves", "thirds"), "audience": tuple(f"age {age}" for age in range(6, 16))})


def sample(index: int, output: Mapping[str, Any] | None, **more: Any) -> SampleRow:
    """A candidate, good unless ``output`` is None."""
    reason = None if output is not None else "crashed"
    told = {"sample_id": f"s{index}", "seed_index": index, "seed": {"topic": f"topic {index}"}, "reason": reason}
    return SampleRow.model_validate({**told, "output": output, **more})


def pair(prompt: str, completion: str = "An answer of its own.") -> dict[str, str]:
    """A record of the default layout."""
    return {"prompt": prompt, "completion": completion}


def job_spec(**more: Any) -> JobSpec:
    """A small job."""
    told = {"name": "fractions", "task": "Short explanations of fractions for children.", "count": 3}
    return JobSpec.model_validate({**told, **more})


def custom(properties: Mapping[str, Any], **more: Any) -> OutputSpec:
    """An output specification with a schema of the user's own."""
    schema = {"type": "object", "properties": properties, **more}
    return OutputSpec.model_validate({"layout": "custom", "record_schema": schema})


def publication(spec: JobSpec | None = None, **more: Any) -> Publication:
    """A complete publication; ``more`` replaces its fields."""
    fields: dict[str, Any] = {
        "dataset_id": "fractions-0123456789ab",
        "job_id": "job-1",
        "spec": spec or job_spec(),
        "spec_ref": SOME_REF,
        "counts": ProductionCounts(
            wanted=3,
            attempted=8,
            accepted=3,
            rejected={"near_duplicate": 2},
            failed={"timed_out": 1},
            surplus=2,
            rounds=2,
        ),
        "complete": True,
        "lineage": Lineage(winner_node_id="n2", workflow=SOME_REF, reward=4.25, path=path()),
        "spent": SpendReport(
            total=Usage(calls=30, prompt_tokens=12_000, completion_tokens=3_400, cost_usd=None),
            by_pool={
                "generator": Usage(calls=20, prompt_tokens=9_000, completion_tokens=3_000, cost_usd=0.125),
                "optimizer": Usage(calls=10, prompt_tokens=3_000, completion_tokens=400, cost_usd=None),
            },
            by_purpose={
                "search": Usage(calls=10, prompt_tokens=3_000, completion_tokens=400, cost_usd=None),
                "production": Usage(calls=20, prompt_tokens=9_000, completion_tokens=3_000, cost_usd=0.125),
            },
            per_row=PerRow(calls=10.0, tokens=15_400 / 3, cost_usd=None),
        ),
        "workflow": WORKFLOW,
        "space": SPACE,
    }
    return Publication(**{**fields, **more})


def path(modifications: Sequence[str] = ("Ask for one worked example.",)) -> tuple[NodeSnapshot, ...]:
    """A root and one node for each modification below it."""
    root = NodeSnapshot(node_id="n1", round=0, state=NodeState.SCORED, reward=3.5)
    below = (
        NodeSnapshot(
            node_id=f"n{number}",
            parent_id=f"n{number - 1}",
            round=number - 1,
            state=NodeState.SCORED,
            modification=text,
            reward=4.0,
            final_reward=4.25,
            final_interval=(4.05, 4.4),
            score_anchor=4.1,
        )
        for number, text in enumerate(modifications, start=2)
    )
    return (root, *below)
