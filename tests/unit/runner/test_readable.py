"""Text of the sandbox on its way to logs, terminals and prompts."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_runner.readable import readable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\n\ttext: é 語 🙂", "plain\n\ttext: é 語 🙂"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1bPdcs\x1b\\x\x1bc", "x"),
        ("a\x00b\rc\x7fd\x9be", "abcde"),
        ("user\u202egpj.exe\u2066", "usergpj.exe"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ("x" * 30, "xxxxxxxxxxxxxx [...]"),
    ],
)
def test_is_made_fit_to_read(text: str, expected: str) -> None:
    assert expected == readable(text, 20 if text.startswith("xxx") else 500)


@given(st.text(alphabet=st.characters(codec=None), max_size=200), st.integers(10, 60))
def test_is_bounded_and_free_of_controls(text: str, limit: int) -> None:
    shown = readable(text, limit)
    assert len(shown) <= limit
    assert [c for c in shown if unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t"] == []
