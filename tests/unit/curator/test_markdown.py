from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from graftwork_curator.markdown import fenced
from graftwork_curator.markdown import inline
from graftwork_curator.markdown import quoted

HOSTILE = st.text(alphabet="`~*_[]()<>#!|\\&$=-+>.1:/ax \n\t\r\u202e\x1b\u2028\x85", max_size=60)
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
TEXT_ONLY = {"text", "softbreak", "text_special"}


def kinds(markdown: str) -> list[str]:
    return [token.type for token in MARKDOWN.parse(markdown)]


@given(HOSTILE)
def test_inline_text_is_never_markup(text: str) -> None:
    tokens = MARKDOWN.parse(f"x {inline(text)} x")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children or []} <= TEXT_ONLY


@given(HOSTILE)
def test_inline_text_stays_in_its_table_cell(text: str) -> None:
    tokens = MARKDOWN.parse(f"| a | b |\n|---|---|\n| {inline(text)} | end |\n")
    assert (kinds_of(tokens, "tbody_open"), kinds_of(tokens, "td_open")) == (1, 2)
    assert kinds_of(tokens, "tr_open") == 2


def kinds_of(tokens: Sequence[Token], kind: str) -> int:
    return sum(token.type == kind for token in tokens)


@given(HOSTILE)
def test_quoted_text_is_one_quote_of_plain_paragraphs(text: str) -> None:
    found = kinds(f"{quoted(text)}\n\nafter")
    assert set(found) <= {"blockquote_open", "blockquote_close", "paragraph_open", "paragraph_close", "inline"}
    assert found.count("blockquote_open") <= 1


@given(HOSTILE)
def test_fenced_text_is_one_code_block(text: str) -> None:
    assert kinds(f"{fenced(text)}\n\nafter") == ["fence", "paragraph_open", "inline", "paragraph_close"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\\\x1b\\[31mb"),
        ("a\u202eb", "a\\\\u202eb"),
        ("two\r\nlines", "two lines"),
        ("ü ½ 🍕", "ü ½ 🍕"),
        ("near_duplicate _x_", "near_duplicate \\_x\\_"),
    ],
)
def test_control_characters_are_spelt_out_and_letters_are_kept(text: str, shown: str) -> None:
    assert shown == inline(text)


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fenced("a ```` b", "json") == "`````json\na ```` b\n`````"


def test_quotes_keep_their_lines() -> None:
    assert quoted("1. one\n\n- two\n=== three\n") == "> 1\\. one\n>\n> \\- two\n> \\=== three"
