"""What people and teams do through the command line beside running jobs: reviews, keys, tenants, webhooks, models."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from graftwork.contracts.rest import PoolChecksView
from graftwork.contracts.rest import PoolCheckView
from graftwork.contracts.rest import PoolModelView
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import PoolView
from graftwork.contracts.rest import Problem
from graftwork.contracts.rest_admin import KeyCreated
from graftwork.contracts.rest_admin import KeyList
from graftwork.contracts.rest_admin import KeyView
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.rest_admin import WebhookCreated
from graftwork.contracts.rest_admin import WebhookEvent
from graftwork.contracts.rest_admin import WebhookList
from graftwork.contracts.rest_admin import WebhookView
from graftwork.contracts.rest_reviews import ReviewList
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from tests.integration.cli.conftest import Command
from tests.support.canned_gateway import NOW
from tests.support.canned_server import CannedServer

ONE = "/v1/jobs/job-1/reviews/r2"


def review(state: ReviewState = ReviewState.OPEN, **more: Any) -> ReviewView:
    told: dict[str, Any] = {
        "id": "r2", "job_id": "job-1", "job_name": "fractions", "task": "Write about fractions.", "round": 2,
        "rounds": 3, "node_id": "n0", "samples_ok": 1, "opened_at": NOW, **more,
    }  # fmt: skip
    return ReviewView(state=state, **told)


def whole(state: ReviewState = ReviewState.OPEN, **more: Any) -> ReviewView:
    rows = (
        SampleRow(sample_id="a", seed_index=0, seed={"fact": "halves"}, output={"prompt": "1/2 of 8?"}),
        SampleRow(sample_id="b", seed_index=1, seed={}, reason="crashed", detail="KeyError: 'fact'"),
    )
    workflow = Workflow(prompts={"draft": "About {{ fact }}."}, code="async def workflow(ctx, seed):\n    return {}\n")
    return review(state, workflow=workflow, samples=rows, **more)


@pytest.fixture
def waiting(server: CannedServer) -> CannedServer:
    """A server on which one job waits for its second review."""
    first = review(ReviewState.REVISED, id="r1", round=1)
    server["GET /v1/reviews?state=open"] = ReviewList(items=(review(),))
    server["GET /v1/reviews?limit=20"] = ReviewList(items=(review(), first), next_cursor="abc")
    server["GET /v1/jobs/job-1/reviews"] = ReviewList(items=(review(), first))
    server[f"GET {ONE}"] = whole()
    return server


def sent(server: CannedServer, route: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(server.bodies[server.asked.index(route)])
    return told


def test_reviews_are_listed(graftwork: Command, waiting: CannedServer) -> None:
    ended = graftwork("reviews", "list")

    assert waiting.asked == ["GET /v1/reviews?limit=20"]
    assert ended.stdout.splitlines() == [
        "JOB    NAME       ROUND  STATE    SAMPLES  OPENED",
        "job-1  fractions  2/3    open     1        2026-11-21 00:00",
        "job-1  fractions  1/3    revised  1        2026-11-21 00:00",
    ]
    assert ended.stderr == "more: graftwork reviews list --cursor abc\n"


@pytest.mark.parametrize("job", [(), ("job-1",)])
def test_a_review_is_shown_so_that_it_can_be_judged(
    graftwork: Command, waiting: CannedServer, job: tuple[str, ...]
) -> None:
    assert graftwork("reviews", "show", *job).stdout.splitlines() == [
        "Review of fractions (job-1), round 2 of 3: open",
        "",
        "Task",
        "    Write about fractions.",
        "",
        "Prompt 'draft'",
        "    About {{ fact }}.",
        "",
        "Code",
        "    async def workflow(ctx, seed):",
        "        return {}",
        "",
        "Sample 1 of 2 (fact: halves)",
        "    prompt: 1/2 of 8?",
        "",
        "Sample 2 of 2: failed",
        "    crashed: KeyError: 'fact'",
        "",
        "The job waits for ever, and costs nothing meanwhile. To answer:",
        "  graftwork reviews approve job-1",
        "  graftwork reviews revise job-1 --feedback '...'",
    ]
    assert ReviewView.model_validate_json(graftwork("reviews", "show", *job, "--json").stdout) == whole()
    assert f"GET {ONE}" in waiting.asked


def test_an_answered_review_says_how(graftwork: Command, waiting: CannedServer) -> None:
    answered = whole(ReviewState.REVISED, feedback="Shorter.", answered_at=NOW)
    waiting["GET /v1/jobs/job-1/reviews/r1"] = answered

    shown = graftwork("reviews", "show", "job-1", "--review", "r1").stdout

    assert shown.endswith("Feedback\n    Shorter.\n\nAnswered 2026-11-21 00:00 UTC: revised\n")


def test_a_review_is_approved(graftwork: Command, waiting: CannedServer) -> None:
    waiting[f"POST {ONE}"] = whole(ReviewState.APPROVED)

    assert graftwork("reviews", "approve").stdout == "Approved: job job-1 goes on with the search\n"
    assert sent(waiting, f"POST {ONE}") == {"decision": "approve"}


def test_feedback_comes_as_an_option_or_on_standard_input(
    graftwork: Command, waiting: CannedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting[f"POST {ONE}"] = whole(ReviewState.REVISED)
    said = "Sent: job job-1 revises its workflow, and shows the result\n"

    assert graftwork("reviews", "revise", "job-1", "--feedback", "Shorter.").stdout == said
    assert sent(waiting, f"POST {ONE}") == {"decision": "revise", "feedback": "Shorter."}

    waiting.asked.clear()
    waiting.bodies.clear()
    monkeypatch.setattr("sys.stdin", io.StringIO("Two lines,\nno less.\n"))
    assert graftwork("reviews", "revise").stdout == said
    assert sent(waiting, f"POST {ONE}")["feedback"] == "Two lines,\nno less."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_feedback_is_written_in_the_editor_of_a_person(
    graftwork: Command, waiting: CannedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting[f"POST {ONE}"] = whole(ReviewState.REVISED)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setenv("EDITOR", "sed -i '1i Shorter.'")

    assert graftwork("reviews", "revise").status == 0

    assert sent(waiting, f"POST {ONE}")["feedback"] == "Shorter."


@pytest.mark.parametrize("feedback", ["  ", "x" * 4001])
def test_feedback_that_says_nothing_or_too_much_is_not_sent(
    graftwork: Command, waiting: CannedServer, feedback: str
) -> None:
    assert graftwork("reviews", "revise", "--feedback", feedback).status == 2
    assert f"POST {ONE}" not in waiting.asked


def test_a_review_has_to_be_named_where_none_or_many_are_open(graftwork: Command, waiting: CannedServer) -> None:
    waiting["GET /v1/reviews?state=open"] = ReviewList(items=(review(), review(id="r9", job_id="job-2")))
    several = graftwork("reviews", "approve")
    waiting["GET /v1/reviews?state=open"] = ReviewList(items=())
    none = graftwork("reviews", "approve")
    waiting["GET /v1/jobs/job-3/reviews"] = ReviewList(items=())
    never = graftwork("reviews", "show", "job-3")

    assert (several.status, several.stderr) == (
        1, "graftwork: several jobs wait for a review, name one: job-1, job-2\n",
    )  # fmt: skip
    assert (none.status, none.stderr) == (1, "graftwork: no review waits for an answer\n")
    assert never.stderr == "graftwork: job job-3 has asked for no review: only jobs with `review: human` do\n"


KEY = KeyView(id="k1", tenant="team", name="ada", admin=False, hint="gw_ab", created_at=NOW)


def test_keys_are_created_listed_and_revoked(graftwork: Command, server: CannedServer) -> None:
    server["POST /v1/admin/keys"] = KeyCreated(**KEY.model_dump(), key="gw_abcdef")
    server["GET /v1/admin/keys"] = KeyList(items=(KEY.model_copy(update={"revoked_at": NOW}),))
    server["DELETE /v1/admin/keys/k1"] = None

    assert graftwork("admin", "keys", "create", "--tenant", "team", "--name", "ada").stdout == "gw_abcdef\n"
    assert sent(server, "POST /v1/admin/keys") == {"tenant": "team", "name": "ada", "admin": False}
    assert graftwork("admin", "keys", "list").stdout.splitlines() == [
        "ID  KEY       TENANT  NAME  ADMIN  CREATED           REVOKED",
        "k1  gw_ab...  team    ada   no     2026-11-21 00:00  2026-11-21 00:00",
    ]
    assert graftwork("admin", "keys", "revoke", "k1", "--yes").stdout == "Key k1 is revoked\n"


def test_a_tenants_limits_change_one_at_a_time(graftwork: Command, server: CannedServer) -> None:
    server["GET /v1/admin/tenants/team"] = TenantLimits(open_jobs=3, rows_per_job=500)
    server["PUT /v1/admin/tenants/team"] = TenantLimits(rows_per_job=500, retention_days=30)

    assert graftwork("admin", "tenants", "show", "team").stdout.splitlines() == [
        "requests per minute  none",
        "open jobs            3",
        "rows per job         500",
        "retention days       none",
    ]
    set_to = graftwork("admin", "tenants", "set", "team", "--open-jobs", "none", "--retention-days", "30", "--json")
    assert TenantLimits.model_validate_json(set_to.stdout) == TenantLimits(rows_per_job=500, retention_days=30)
    assert sent(server, "PUT /v1/admin/tenants/team") == {
        "requests_per_minute": None, "open_jobs": None, "rows_per_job": 500, "retention_days": 30,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("admin", "tenants", "set", "team"), "name a limit: --requests-per-minute"),
        (("admin", "tenants", "set", "team", "--open-jobs", "0"), "Invalid value for --open-jobs"),
        (("admin", "tenants", "set", "team", "--open-jobs", "many"), "Invalid value for --open-jobs"),
        (("admin", "keys", "create", "--tenant", "A team"), "Invalid value for --tenant"),
        (("webhooks", "add", "nowhere"), "Invalid value for URL"),
        (("jobs", "extend", "job-1"), "Missing option '--rows'"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(
    graftwork: Command, server: CannedServer, arguments: tuple[str, ...], said: str
) -> None:
    ended = graftwork(*arguments)

    assert (ended.status, server.asked) == (2, [])
    assert said in ended.stderr


def test_webhooks_are_added_listed_and_removed(graftwork: Command, server: CannedServer) -> None:
    hook = WebhookView(
        id="w1", url="https://hooks.example.com/x", events=(WebhookEvent.JOB_FINISHED,), created_at=NOW,
        last_status=500, last_error="500 Internal Server Error", last_called_at=NOW,
    )  # fmt: skip
    server["POST /v1/webhooks"] = WebhookCreated(**hook.model_dump(), secret="whsec_x")
    server["GET /v1/webhooks"] = WebhookList(items=(hook,))
    server["DELETE /v1/webhooks/w1"] = None

    added = graftwork("webhooks", "add", "https://hooks.example.com/x", "--event", "job.finished")
    assert added.stdout.splitlines() == ["webhook  w1", "secret   whsec_x"]
    assert sent(server, "POST /v1/webhooks") == {"url": "https://hooks.example.com/x", "events": ["job.finished"]}
    assert graftwork("webhooks", "list").stdout.splitlines() == [
        "WEBHOOK  URL                          EVENTS        LAST CALL",
        "w1       https://hooks.example.com/x  job.finished  2026-11-21 00:00 500 Internal Server Error",
    ]
    assert graftwork("webhooks", "remove", "w1").stdout == "Webhook w1 is removed\n"


BIG = PoolModelView(name="big", context_tokens=128_000, prompt_usd_per_mtok=1.25, completion_usd_per_mtok=10)
MAIN = PoolView(pool="main", available=True, default_model="big", models=(BIG, PoolModelView(name="small")))
LOST = PoolView(pool="lost", available=False, problem="pool 'lost' does not answer")


def checked(pool: PoolView, **found: Any) -> PoolCheckView:
    return PoolCheckView.model_validate({**dict(pool), **found})


def test_models_are_checked_pool_by_pool(graftwork: Command, server: CannedServer) -> None:
    used = Usage(calls=2, prompt_tokens=60, completion_tokens=20, cost_usd=0.000275)
    main = checked(MAIN, latency_seconds=0.4321, keeps_schema=True, used=used)
    server["POST /v1/pools:check"] = PoolChecksView(pools=(main, checked(LOST)))

    ended = graftwork("models", "check")

    assert ended.status == 1
    assert ended.stdout.splitlines() == [
        "POOL  ANSWERS  MODEL  CONTEXT  USD/M IN  USD/M OUT  WRITES PYTHON  SECONDS  KEEPS SCHEMA",
        "main  yes      big*   128.0k   1.25      10.00      yes            0.43     yes",
        "main  yes      small  ?        ?         ?          yes            -        -",
        "lost  no       -      -        -         -          -              -        -",
    ]
    assert "lost: pool 'lost' does not answer\n" in ended.stderr
    assert "Spent on this: 2 calls, 80 tokens, 0.0003 USD\n" in ended.stderr
    assert len(json.loads(graftwork("models", "check", "--json").stdout)["pools"]) == 2


def test_a_model_that_answers_in_prose_is_told_and_is_no_failure(graftwork: Command, server: CannedServer) -> None:
    server["POST /v1/pools:check"] = PoolChecksView(pools=(checked(MAIN, latency_seconds=2, keeps_schema=False),))

    ended = graftwork("models", "check")

    assert (ended.status, ended.stdout.splitlines()[1].split()[-2:]) == (0, ["2.00", "no"])


def test_a_pool_whose_calls_fail_fails_the_check(graftwork: Command, server: CannedServer) -> None:
    server["POST /v1/pools:check"] = PoolChecksView(pools=(checked(MAIN, problem="the key is refused"),))

    ended = graftwork("models", "check")

    assert (ended.status, ended.stdout.splitlines()[1].split()[-2:]) == (1, ["?", "?"])
    assert "main: the key is refused\n" in ended.stderr


def test_models_are_looked_at_without_a_call_where_nothing_shall_be_spent(
    graftwork: Command, server: CannedServer
) -> None:
    server["GET /v1/pools"] = PoolsView(pools=(MAIN,))

    ended = graftwork("models", "check", "--no-calls")

    assert (ended.status, ended.stdout.splitlines()[1].split()[-2:]) == (0, ["-", "-"])
    assert server.asked == ["GET /v1/pools"]


def test_what_an_ordinary_key_may_not_do_is_said_in_one_line(graftwork: Command, server: CannedServer) -> None:
    server["GET /v1/admin/keys"] = Problem(
        type="urn:graftwork:problem:forbidden", title="Forbidden", status=403, detail="this needs an admin key"
    )

    ended = graftwork("admin", "keys", "list")

    assert (ended.status, ended.stderr) == (1, "graftwork: Forbidden: this needs an admin key\n")
