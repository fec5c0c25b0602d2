import pytest

from graftwork.cli.adapting import adapt_to_pools
from graftwork.cli.errors import NoStarterFits
from graftwork.contracts.jobs import InitialWorkflow
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import Scope
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import PoolView
from graftwork_optimizer import starters

TASK = "Write word problems about fractions."
TINY = PoolsView(
    pools=(
        PoolView(pool="optimizer", available=True, default_model="tiny", profile=Profile.COMPACT, writes_code=False),
    )
)
ABLE = PoolsView(pools=(PoolView(pool="optimizer", available=True, default_model="large"),))


def job(**fields: object) -> JobSpec:
    return JobSpec.model_validate({"task": TASK, "count": 3, **fields})


def test_a_model_that_writes_python_changes_nothing() -> None:
    adapted = adapt_to_pools(job(), ABLE)

    assert (adapted.spec, adapted.notice) == (job(), None)


def test_a_model_that_does_not_gets_a_starter_prompts_only_and_short_roles() -> None:
    adapted = adapt_to_pools(job(search={"iterations": 4}), TINY)

    assert adapted.spec.search.initial.starter == "qa"
    assert adapted.spec.search.scope is Scope.PROMPTS
    assert adapted.spec.search.iterations == 4
    assert adapted.spec.models.profile is Profile.COMPACT


def test_the_change_is_told_in_one_line_that_promises_nothing() -> None:
    notice = adapt_to_pools(job(), TINY).notice

    assert notice == (
        "tiny cannot write Python (starting from the starter 'qa', scope: prompts, profile: compact): "
        "every part runs for real, but this model's scores are noise: what is shown is the machinery "
        "(for useful data, name a better endpoint in OPENAI_BASE_URL)"
    )


def test_what_is_changed_is_sent() -> None:
    sent = adapt_to_pools(job(), TINY).spec.model_dump(mode="json", exclude_unset=True)

    assert sent["search"] == {"initial": {"starter": "qa"}, "scope": "prompts"}
    assert sent["models"] == {"profile": "compact"}


@pytest.mark.parametrize(
    "initial",
    [
        InitialWorkflow(starter="messages"),
        InitialWorkflow(prompts={"a": "b"}, code="async def workflow(ctx, seed): ..."),
    ],
)
def test_a_workflow_that_was_given_stays(initial: InitialWorkflow) -> None:
    adapted = adapt_to_pools(job(search={"initial": initial.model_dump()}), TINY)

    assert adapted.spec.search.initial == initial
    assert adapted.spec.search.scope is Scope.PROMPTS


def test_a_job_made_for_the_model_is_left_as_it_is_and_still_warned_of() -> None:
    fitting = adapt_to_pools(job(), TINY).spec

    adapted = adapt_to_pools(fitting, TINY)

    assert adapted.spec == fitting
    assert adapted.notice is not None
    assert adapted.notice.startswith("tiny cannot write Python: every part runs for real")


@pytest.mark.parametrize("pool", ["nowhere", "optimizer"])
def test_a_pool_that_cannot_be_asked_changes_nothing(pool: str) -> None:
    pools = PoolsView(pools=(PoolView(pool=pool, available=False, writes_code=False),))

    assert adapt_to_pools(job(), pools).spec == job()


@pytest.mark.parametrize(
    ("fields", "starter"),
    [
        ({"seeds": [{"fact": "a", "topic": "b"}, {"fact": "c"}]}, "facts"),
        ({"seeds": [{"fact": "a", "topic": "b"}, {"topic": "c"}]}, "explain"),
        ({"facets": {"topic": ["cake", "pie"]}}, "explain"),
        ({"facets": {"subject": ["cake", "pie"]}}, "qa"),
        ({}, "qa"),
        ({"output": {"layout": "messages"}, "facets": {"topic": ["cake"]}}, "messages"),
    ],
)
def test_the_starter_fits_the_layout_and_the_seeds(fields: dict[str, object], starter: str) -> None:
    assert adapt_to_pools(job(**fields), TINY).spec.search.initial.starter == starter
    assert starter in starters.names()


def test_a_layout_no_starter_makes_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(NoStarterFits, match=r"layout 'text': give a workflow in search\.initial\.files"):
        adapt_to_pools(job(output={"layout": "text"}), TINY)
