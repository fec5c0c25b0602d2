"""When there is an anchor, and what is stored as one."""

from pathlib import Path

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import SearchSpec
from graftwork.contracts.workflows import MetricSet
from graftwork.kit.blobs import Blobs
from graftwork_search.anchoring import store_anchor
from graftwork_search.anchoring import wants_anchor

OWN = [{"name": "clear", "definition": "a child understands it"}]


@pytest.mark.parametrize(
    ("search", "wanted"),
    [
        ({}, True),
        ({"metrics": "single"}, True),
        ({"reward": "sample"}, True),
        ({"anchor": False}, False),
        ({"metrics": "fixed"}, False),  # one set measures every node anyway
        ({"reward": "workflow"}, False),  # no sample is scored
    ],
)
def test_there_is_an_anchor_where_rulers_move(search: dict[str, object], *, wanted: bool) -> None:
    assert wants_anchor(SearchSpec.model_validate(search)) == wanted


async def test_the_users_metrics_are_stored_once_below_the_job(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path.as_uri())
    spec = JobSpec.model_validate({"task": "explain fractions", "count": 1, "search": {"own_metrics": OWN}})

    first, again = [await store_anchor(blobs, "job-1", spec) for _ in range(2)]

    assert first is not None
    assert first == again
    assert first.key.startswith("job-1/metrics/")
    assert [metric.name for metric in (await blobs.get_model(first, MetricSet)).metrics] == ["clear"]


async def test_without_own_metrics_nothing_is_stored(tmp_path: Path) -> None:
    spec = JobSpec.model_validate({"task": "explain fractions", "count": 1})

    blobs = Blobs.open(tmp_path.as_uri())

    assert await store_anchor(blobs, "job-1", spec) is None
    assert await blobs.delete_under("job-1") == 0
