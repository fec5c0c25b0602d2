import pytest

from graftwork.contracts.rest_admin import TenantLimits
from graftwork_gateway.errors import RateLimited
from graftwork_gateway.errors import TooManyRows
from graftwork_gateway.quotas import Allowance
from graftwork_gateway.quotas import check_rows


def allowance(requests: int, limit: int | None = 3) -> Allowance:
    return Allowance(TenantLimits(requests_per_minute=limit), requests, resets_in_seconds=20)


@pytest.mark.parametrize(("requests", "left"), [(1, 2), (3, 0), (4, 0), (400, 0)])
def test_a_client_is_told_its_limit_and_what_is_left_of_it(requests: int, left: int) -> None:
    assert allowance(requests).headers == {
        "RateLimit-Policy": '"requests";q=3;w=60',
        "RateLimit": f'"requests";r={left};t=20',
    }


def test_the_last_request_of_a_limit_is_let_through() -> None:
    allowance(3).check()


def test_a_request_beyond_the_limit_is_told_when_to_come_back() -> None:
    with pytest.raises(RateLimited) as told:
        allowance(4).check()

    assert str(told.value) == "this tenant may send 3 requests a minute; the next minute begins in 20 s"
    assert told.value.headers == {"Retry-After": "20"}


def test_without_a_limit_nothing_is_told_or_refused() -> None:
    free = allowance(10**6, None)
    free.check()

    assert free.headers == {}


def test_rows_beyond_the_limit_are_refused_where_they_were_written() -> None:
    limits = TenantLimits(rows_per_job=10)
    check_rows(limits, 10)
    check_rows(TenantLimits(), 10**6)
    with pytest.raises(TooManyRows) as told:
        check_rows(limits, 11, "rows")

    assert [(error.path, error.message) for error in told.value.errors] == [
        ("rows", "a job of this tenant may have 10 rows at most")
    ]
