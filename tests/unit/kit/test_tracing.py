import pytest

from graftwork.kit.tracing import current_traceparent
from graftwork.kit.tracing import inherited_traceparent
from graftwork.kit.tracing import is_traceparent
from graftwork.kit.tracing import traced

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_work_belongs_to_the_trace_around_it() -> None:
    with traced(TRACE):
        inside = (current_traceparent(), inherited_traceparent())

    assert inside == (TRACE, TRACE)


def test_a_trace_that_begins_is_a_proper_one_and_lasts() -> None:
    with traced(None):
        before, begun, after = inherited_traceparent(), current_traceparent(), inherited_traceparent()

    assert before is None
    assert after == begun
    assert is_traceparent(begun)


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
