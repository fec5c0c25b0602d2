import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from graftwork.exports.tree.facts import facts_of
from graftwork.exports.tree.page import page
from graftwork.exports.tree.svg import svg
from tests.support.trees import node
from tests.support.trees import node_id
from tests.support.trees import searched
from tests.support.trees import tree

SVG = "{http://www.w3.org/2000/svg}"
ATTACKS = (
    "<script>document.title='taken'</script>",
    "</script><script>document.title='taken'</script>",
    "</title></style></svg><img src=x onerror=\"document.title='taken'\">",
    '"><svg onload=alert(1)>',
    "<!--<script>",
    "]]></script><![CDATA[",
    "${alert(1)} $title &lt;b&gt; javascript:alert(1)",
)


class Document(HTMLParser):
    """What a browser finds in a page: elements with attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        self.scripts += [""] * self._in_script

    @override
    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    @override
    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data


def attacked(text: str) -> Any:
    return tree(
        node(0, modification=text, feedback=text, suggestions=(text,)),
        node(1, 0, state="crashed", error=text, modification=text, samples_failed={text: 1}),
        node(2, 0, dropped_metrics={text: text}, parent_probabilities={text: 0.5, node_id(0): 0.5}),
        name=text,
    )


def shape(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(attributes)) for tag, attributes in Document(text).elements]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_models_wrote_adds_no_element_and_no_attribute(attack: str) -> None:
    harmless = attacked("x" * 5)

    assert shape(page(attacked(attack))) == shape(page(harmless))
    assert shape(svg(attacked(attack))) == shape(svg(harmless))


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_models_wrote_is_shown_as_it_is(attack: str) -> None:
    data, _script = Document(page(attacked(attack))).scripts

    assert json.loads(data)[0]["texts"][0] == ["What was changed", attack]
    root = ET.fromstring(svg(attacked(attack)))  # noqa: S314 (our own document)
    assert attack in (root.findtext(f".//{SVG}g[@data-node='0']/{SVG}title") or "")


@given(text=st.text(max_size=60))
def test_any_text_leaves_a_document_that_can_be_read_and_written(text: str) -> None:
    view = attacked(text)

    ET.fromstring(svg(view).encode())  # noqa: S314 (our own document)
    assert page(view).encode()


def test_a_page_runs_its_own_script_and_loads_nothing() -> None:
    text = page(searched(30))
    document = Document(text)

    policy = next(attributes["content"] for tag, attributes in document.elements if "http-equiv" in attributes)
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(document.scripts[-1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    loading = {"src", "href", "xlink:href", "srcset", "style", "action"}
    assert not any(loading & set(attributes) for _, attributes in document.elements)


def test_a_picture_loads_nothing() -> None:
    text = svg(searched(30))

    assert text.count("http") == text.count('xmlns="http://www.w3.org/2000/svg"') == 1
    assert "url(#rewards)" in text
    assert text.count("url(") == 1


def test_every_node_is_a_card_and_every_child_has_a_line() -> None:
    root = ET.fromstring(svg(searched(60)))  # noqa: S314 (our own document)

    assert len(root.findall(f".//{SVG}g[@data-node]")) == 60
    assert len(root.findall(f".//{SVG}path[@data-to]")) == 59


def test_a_card_shows_reward_name_change_and_mark() -> None:
    view = tree(
        node(0, modification="A workflow whose first words say a lot"),
        node(1, 0, reward=3.456, final_reward=3.2, modification="\n  Ask for   one example\nand more"),
        node(2, 1, state="crashed", reward=1.0, error="NameError: x"),
        node(3, 1, state="duplicate", reward=None, modification="The same"),
        node(4, 1, state="sampling", reward=None),
        winner_node_id=node_id(1),
    )
    root = ET.fromstring(svg(view))  # noqa: S314 (our own document)

    cards = [[text.text for text in card.findall(f"{SVG}text")] for card in root.findall(f".//{SVG}g[@data-node]")]
    assert cards == [
        ["3.00", "Root", "A workflow whose fi…"],
        ["3.46", "Node 1", "Ask for one example", "final 3.20", "★"],
        ["✕", "Node 2", "NameError: x"],
        ["=", "Node 3", "The same"],
        ["…", "Node 4", "sampling"],
    ]
    spine = [path.get("data-to") for path in root.findall(f".//{SVG}path[@class='edge spine']")]
    assert spine == ["1"]


def test_a_node_tells_everything_about_itself() -> None:
    drawn = {node_id(0): 0.25, node_id(1): 0.75}
    told = node(
        2, 1, reward=3.5, score_sample=3.25, score_workflow=3.75, score_anchor=3.0, final_reward=3.4,
        final_interval=(3.1, 3.7), samples_failed={"timed_out": 1}, modification="Ask for one.",
        suggestions=("Shorter.", "Simpler."), feedback="Too long.", parent_probabilities=drawn, ticket=0.5,
    )  # fmt: skip

    facts = facts_of(tree(node(0), node(1, 0), told, winner_node_id=node_id(2)))[2]

    assert facts.tooltip.splitlines() == [
        "Node 2 · scored · winner",
        "Reward: 3.50",
        "Samples: 3.25",
        "Workflow: 3.75",
        "By the frozen metrics: 3.00",
        "As a finalist: 3.40",
        "95 % interval: 3.10 to 3.70",
        "Good samples: 8 of 9 (timed_out 1)",
        "Made from Node 1 (75.0%), drawn among 2 nodes, by the number 0.5000",
        "What was changed: Ask for one.",
        "Asked for by a person: Too long.",
        "Suggestions: - Shorter.",
        "- Simpler.",
    ]
    assert [(odds.node, odds.share, odds.chosen) for odds in facts.odds] == [
        ("Node 1", 0.75, True),
        ("Root", 0.25, False),
    ]


def test_before_there_is_a_winner_the_best_is_marked() -> None:
    assert facts_of(tree(node(0), best_node_id=node_id(0)))[0].mark == "best so far"


def test_a_job_without_nodes_is_a_picture_too() -> None:
    assert "nothing scored yet" in svg(tree())
    assert "nothing scored yet" in page(tree())
