from datetime import UTC
from datetime import datetime
from typing import Any

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import JobView
from graftwork_gateway.errors import IdempotencyConflict
from graftwork_gateway.idempotency import Ask
from graftwork_gateway.idempotency import stored_answer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OPERATION = "POST /v1/jobs"
SPEC = {"task": "Short explanations of fractions.", "count": 3}
VIEW = JobView(
    id="job-1", name="x", task="t", count=3, strategy="autosynth", created_at=NOON, updated_at=NOON, links={"self": "/"}
)


def ask(tenant: str = "default", key: str = "k", operation: str = OPERATION, **more: Any) -> Ask:
    return Ask.of(tenant, key, operation, JobSpec.model_validate({**SPEC, **more}))


def test_a_new_key_has_no_answer_yet() -> None:
    assert stored_answer(None, ask(), JobView) is None


def test_the_same_body_gets_the_stored_answer() -> None:
    assert stored_answer(ask().answered(VIEW, NOON), ask(), JobView) == VIEW


def test_a_request_without_a_body_gets_the_stored_answer() -> None:
    bare = Ask.of("default", "k", "POST /v1/jobs/job-1/retry", None)

    assert stored_answer(bare.answered(VIEW, NOON), bare, JobView) == VIEW


def test_the_order_in_which_a_body_is_written_does_not_matter() -> None:
    turned = Ask.of("default", "k", OPERATION, JobSpec.model_validate(dict(reversed(SPEC.items()))))

    assert turned == ask()


@pytest.mark.parametrize("more", [{"count": 4}, {"seed": 0}, {"search": {"iterations": 30}}])
def test_another_body_is_a_conflict_even_where_it_only_writes_a_default_down(more: dict[str, Any]) -> None:
    with pytest.raises(IdempotencyConflict):
        stored_answer(ask().answered(VIEW, NOON), ask(**more), JobView)


def test_the_same_body_for_something_else_is_a_conflict() -> None:
    with pytest.raises(IdempotencyConflict):
        stored_answer(ask().answered(VIEW, NOON), ask(operation="POST /v1/jobs:preview"), JobView)


def test_keys_of_tenants_are_apart() -> None:
    asks = [ask("a", "b"), ask("b", "a"), ask("a", "a"), ask("a:a", ""), ask("a", "a:")]

    assert len({one.id for one in asks}) == len(asks)
