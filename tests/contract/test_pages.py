"""The pages lead where they say, load nothing, and leave nothing out."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from graftwork.contracts.events import EventData
from publishing.grpc_page import compiled
from publishing.schemas import type_of
from publishing.text import anchor
from publishing.text import replaced
from publishing.text import table

CONTRACTS = Path(__file__).parents[2] / "docs" / "contracts"
PAGES = sorted(CONTRACTS.glob("*.md"))
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def tokens(page: Path) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()


def headings(page: Path) -> list[str]:
    found = list(tokens(page))
    return [found[i + 1].content for i, token in enumerate(found) if token.type == "heading_open"]


def links(page: Path) -> set[str]:
    return {str(token.attrs["href"]) for token in tokens(page) if token.type == "link_open"}


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    anchors = {anchor(heading) for heading in headings(page)}
    lost = {
        link
        for link in links(page)
        if not (link.removeprefix("#") in anchors if link.startswith("#") else (CONTRACTS / link).exists())
    }

    assert lost == set()


@pages
def test_no_heading_is_there_twice(page: Path) -> None:
    found = headings(page)

    assert sorted(found) == sorted(set(found))


@pages
def test_nothing_is_loaded_from_elsewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert re.findall(r"<(?:script|link|img|iframe)\b|!\[", text) == []


def test_every_event_operation_call_and_message_has_a_place() -> None:
    api = json.loads((CONTRACTS / "openapi.json").read_text(encoding="utf-8"))
    operations = {each["summary"] for methods in api["paths"].values() for each in methods.values()}
    messages = {message.name for message in compiled().message_type}

    assert EventData.registry.keys() <= set(headings(CONTRACTS / "events.md"))
    assert operations | api["components"]["schemas"].keys() <= set(headings(CONTRACTS / "rest.md"))
    assert messages <= set(headings(CONTRACTS / "grpc.md"))
    assert all(f"`{call.name}`" in (CONTRACTS / "grpc.md").read_text() for call in compiled().service[0].method)


def test_comments_of_the_proto_file_are_told() -> None:
    told = (CONTRACTS / "grpc.md").read_text(encoding="utf-8")

    assert "Time spent waiting for a free place in the pod." in told
    assert "Shape of the role calls that suits the pool." in told


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string", "format": "date-time"}, "time"),
        ({"type": "integer", "minimum": 0.0}, "integer, ≥ 0"),
        ({"anyOf": [{"$ref": "#/$defs/Usage"}, {"type": "null"}]}, "[Usage](#usage) or null"),
        ({"type": "array", "items": {"type": "number"}, "maxItems": 2}, "list of number, length ≤ 2"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map of integer"),
        ({"enum": ["a", "b"], "type": "string"}, "`a` or `b`"),
        ({"const": "x"}, "`x`"),
        ({}, "anything"),
    ],
)
def test_a_type_is_told_in_a_few_words(schema: dict[str, object], told: str) -> None:
    assert type_of(schema) == told


def test_a_table_stays_one_whatever_its_cells_say() -> None:
    assert table(("a",), [("one | two\nthree",)]) == "| a |\n| --- |\n| one \\| two three |"


def test_only_what_is_between_the_marks_is_replaced() -> None:
    begin, end = "<!-- x: made by scripts/contracts.py -->", "<!-- end of x -->"

    assert replaced(f"a\n{begin}\nold\n{end}\nb", "x", "new") == f"a\n{begin}\nnew\n{end}\nb"


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for x"):
        replaced("a page", "x", "new")
