import grpc
import grpc.aio
import pytest

from graftwork.kit.errors import BlobMissing
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import RetryableError
from graftwork.kit.errors import UnknownPool
from graftwork.models import statuses


def failed_call(
    code: grpc.StatusCode, details: str = "words", trailing: tuple[tuple[str, str | bytes], ...] = ()
) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=details)


def sent(error: GraftworkError) -> grpc.aio.AioRpcError:
    """The failed call that a client sees when a pod raised ``error``."""
    status = statuses.status_of(error)
    trailing = (("grpc-status-details-bin", status.SerializeToString()),)
    return failed_call(statuses.status_code_of(error), status.message, trailing)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Overloaded("full"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (DependencyDown("silent"), grpc.StatusCode.UNAVAILABLE),
        (UnknownPool("who?"), grpc.StatusCode.NOT_FOUND),
        (ModelRefused("too long"), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_an_error_arrives_as_what_it_was_raised_as(error: GraftworkError, code: grpc.StatusCode) -> None:
    arrived = statuses.error_of(sent(error), pool="p")

    assert statuses.status_code_of(error) is code
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)


def test_the_time_to_wait_arrives_too() -> None:
    arrived = statuses.error_of(sent(Overloaded("full", retry_after_seconds=1.25)), pool="p")

    assert isinstance(arrived, Overloaded)
    assert arrived.retry_after_seconds == 1.25


def test_an_error_of_ours_without_a_status_is_internal_and_worth_another_attempt_of_the_task() -> None:
    arrived = statuses.error_of(sent(BlobMissing("gone")), pool="p")

    assert statuses.status_code_of(BlobMissing("gone")) is grpc.StatusCode.INTERNAL
    assert type(arrived) is DependencyDown


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, DependencyDown),
        (grpc.StatusCode.INTERNAL, DependencyDown),
        (grpc.StatusCode.UNKNOWN, DependencyDown),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Overloaded),
        (grpc.StatusCode.NOT_FOUND, UnknownPool),
        (grpc.StatusCode.INVALID_ARGUMENT, ModelRefused),
        (grpc.StatusCode.UNIMPLEMENTED, ModelRefused),
        (grpc.StatusCode.PERMISSION_DENIED, ModelRefused),
    ],
)
def test_a_bare_status_is_classified_by_its_code(code: grpc.StatusCode, expected: type[GraftworkError]) -> None:
    arrived = statuses.error_of(failed_call(code), pool="writers")

    assert type(arrived) is expected
    assert str(arrived) == f"pool 'writers': {code.name}: words"


@pytest.mark.parametrize("side", ["Sent", "Received"])
def test_a_message_over_the_limit_is_no_overload(side: str) -> None:
    failure = failed_call(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{side} message larger than max (9 vs. 8)")

    assert type(statuses.error_of(failure, pool="p")) is ModelRefused


@pytest.mark.parametrize(("told", "seconds"), [("1500", 1.5), ("soon", None), ("-1", None), ("nan", None)])
def test_a_proxy_may_tell_the_wait_in_metadata(told: str, seconds: float | None) -> None:
    failure = failed_call(grpc.StatusCode.RESOURCE_EXHAUSTED, trailing=(("retry-after-ms", told),))

    arrived = statuses.error_of(failure, pool="p")

    assert isinstance(arrived, RetryableError)
    assert arrived.retry_after_seconds == seconds


def test_details_that_are_no_status_are_passed_over() -> None:
    failure = failed_call(grpc.StatusCode.UNAVAILABLE, trailing=(("grpc-status-details-bin", b"\xff\xff"),))

    assert type(statuses.error_of(failure, pool="p")) is DependencyDown


def test_a_very_long_message_is_cut_to_what_headers_carry() -> None:
    status = statuses.status_of(ModelRefused("x" * 100_000))

    assert len(status.SerializeToString()) < 4096
