import asyncio

import pytest
from opentelemetry import context as contexts

from graftwork.kit.tracing import context_of
from graftwork.kit.tracing import current_traceparent
from graftwork.kit.tracing import ending_here
from graftwork.kit.tracing import inherited_traceparent
from graftwork.kit.tracing import is_traceparent
from graftwork.kit.tracing import traced

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_work_belongs_to_the_trace_around_it() -> None:
    with traced(TRACE):
        inside = (current_traceparent(), inherited_traceparent())

    assert inside == (TRACE, TRACE)


def test_who_exports_nothing_begins_no_trace() -> None:
    with traced(None):
        found = (inherited_traceparent(), current_traceparent())

    assert found == (None, None)


def test_flags_are_kept_as_they_came() -> None:
    unsampled = TRACE[:-2] + "00"

    with traced(unsampled):
        assert current_traceparent() == unsampled


def test_work_inside_belongs_to_no_trace_if_the_word_for_it_is_none() -> None:
    with traced(TRACE), traced("not a trace"):
        assert inherited_traceparent() is None


def test_what_begins_inside_ends_with_the_block_and_what_was_there_goes_on() -> None:
    with ending_here():
        contexts.attach(context_of(TRACE))
        begun = inherited_traceparent()
    left = inherited_traceparent()
    with traced(TRACE), ending_here():
        kept = inherited_traceparent()

    assert (begun, left, kept) == (TRACE, None, TRACE)


async def test_work_that_is_started_inside_belongs_to_the_trace_too() -> None:
    async def inside() -> str | None:
        return inherited_traceparent()

    with traced(TRACE):
        started = asyncio.create_task(inside())

    assert await started == TRACE


@pytest.mark.parametrize(
    "word",
    [
        "",
        "hello",
        TRACE.upper(),
        TRACE + "-00",
        TRACE + "\n",
        "ff" + TRACE[2:],
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
    ],
)
def test_a_stranger_s_word_that_is_no_trace_parent_is_none(word: str) -> None:
    assert not is_traceparent(word)
