import pytest

from tests.support.eventually import assert_eventually


async def test_it_retries_until_the_assertion_holds() -> None:
    calls: list[int] = []

    def third_time_lucky() -> str:
        calls.append(1)
        assert len(calls) == 3
        return "held"

    assert await assert_eventually(third_time_lucky, interval_seconds=0) == "held"


async def test_it_awaits_async_functions() -> None:
    calls: list[int] = []

    async def second_time_lucky() -> str:
        calls.append(1)
        assert len(calls) == 2
        return "held"

    assert await assert_eventually(second_time_lucky, interval_seconds=0) == "held"


async def test_the_last_assertion_is_raised_when_time_is_over() -> None:
    async def never() -> None:
        raise AssertionError("still not")

    with pytest.raises(AssertionError, match="still not"):
        await assert_eventually(never, timeout_seconds=0, interval_seconds=0)


async def test_other_errors_are_not_retried() -> None:
    calls: list[int] = []

    def broken() -> None:
        calls.append(1)
        raise KeyError("typo")

    with pytest.raises(KeyError):
        await assert_eventually(broken, interval_seconds=0)

    assert len(calls) == 1
