import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_solvers.engine_words import LONGEST_LINE_BYTES
from graftwork_solvers.engine_words import Lines
from graftwork_solvers.engine_words import Memory
from graftwork_solvers.engine_words import level_of

TIME = "11-21 21:19:06"


def reason_in(*lines: str) -> str:
    memory = Memory()
    for line in lines:
        memory.keep(line)
    return memory.reason()


def cut(*chunks: bytes) -> list[str]:
    lines = Lines()
    found = [line for chunk in chunks for line in lines.more(chunk)]
    return [*found, *filter(None, [lines.rest()])]


def test_lines_come_whole_however_they_were_read() -> None:
    assert cut(b"one\ntw", b"o\n\nthree") == ["one", "two", "three"]


def test_progress_bars_are_lines_too() -> None:
    assert cut(b"\rloading 1/2\rloading 2/2\n") == ["loading 1/2", "loading 2/2"]


def test_half_a_character_is_replaced() -> None:
    assert cut(b"caf\xc3\n") == ["caf\N{REPLACEMENT CHARACTER}"]


@given(chunks=st.lists(st.binary(max_size=5000), max_size=20))
def test_no_line_is_longer_than_the_bound(chunks: list[bytes]) -> None:
    assert all(len(line) <= LONGEST_LINE_BYTES for line in cut(*chunks))


@given(text=st.text(st.characters(codec="ascii", exclude_characters="\r\n"), min_size=1, max_size=200), at=st.data())
def test_where_a_chunk_ends_makes_no_difference(text: str, at: st.DataObject) -> None:
    whole = f"{text}\nnext\n".encode()
    where = at.draw(st.integers(0, len(whole)))

    assert cut(whole[:where], whole[where:]) == cut(whole)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (f"(EngineCore pid=12) ERROR {TIME} [core.py:1454] no", "error"),
        (f"(Worker_TP0 pid=12) WARNING {TIME} [core.py:1454] no", "warning"),
        (f"INFO {TIME} [core.py:1454] an ERROR of others", "info"),
        (f"DEBUG {TIME} [core.py:1454] details", "debug"),
        ("INFO:     Application startup complete.", "info"),
        ("Traceback (most recent call last):", "info"),
    ],
)
def test_a_line_goes_to_the_level_that_the_engine_gave_it(line: str, level: str) -> None:
    assert level_of(line) == level


def test_the_exception_of_the_process_that_failed_is_the_reason_and_not_its_echoes() -> None:
    assert (
        reason_in(
            f"(EngineCore pid=2) ERROR {TIME} [core.py:10] Traceback (most recent call last):",
            f'(EngineCore pid=2) ERROR {TIME} [core.py:10]   File "core.py", line 1, in run',
            f"(EngineCore pid=2) ERROR {TIME} [core.py:10] torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB",
            "(APIServer pid=1) Traceback (most recent call last):",
            "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.",
        )
        == "torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB"
    )


def test_a_process_that_just_went_away_is_the_reason_where_no_exception_is() -> None:
    assert (
        reason_in(
            f"(APIServer pid=1) WARNING {TIME} [core_client.py:817] MPClient: engine core exited unexpectedly",
            f"(APIServer pid=1) ERROR {TIME} [async_llm.py:906] AsyncLLM output_handler failed.",
            f"(APIServer pid=1) ERROR {TIME} [async_llm.py:906]     raise self._format_exception(outputs) from None",
            f"(APIServer pid=1) ERROR {TIME} [async_llm.py:906] vllm.v1.engine.exceptions.EngineDeadError: see above",
            "INFO:     Application shutdown complete.",
        )
        == "MPClient: engine core exited unexpectedly"
    )


def test_a_wrong_argument_is_told_in_the_words_of_the_command_line() -> None:
    said = reason_in("usage: vllm serve [model_tag] [options]", "vllm: error: unrecognized arguments: --nonsense")

    assert said == "vllm: error: unrecognized arguments: --nonsense"


def test_who_said_nothing_has_no_reason() -> None:
    assert reason_in() == ""
