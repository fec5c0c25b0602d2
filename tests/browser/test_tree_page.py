"""The page of a search in a real browser: what it shows, how it is used, and what it refuses."""

import base64
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graftwork.exports.tree.page import page
from graftwork.exports.tree.svg import svg
from tests.support.browser import Page
from tests.support.trees import node
from tests.support.trees import node_id
from tests.support.trees import searched
from tests.support.trees import tree

Written = Callable[[str], Path]

pytestmark = [pytest.mark.browser]

ATTACK = (
    "</script></title></style><img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
)
CHOSEN = "document.querySelector('.node.chosen').dataset.node"
SEEN = "document.querySelector('.tree').getAttribute('viewBox')"
OVERLAPS = """
(() => {
  const boxes = [...document.querySelectorAll('.node .card')].map(card => card.getBoundingClientRect());
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  return boxes.some((a, at) => boxes.slice(at + 1).some(b => !apart(a, b)));
})()
"""
TOO_LONG = """
[...document.querySelectorAll('.node')].filter(node => {
  const card = node.querySelector('.card').getBoundingClientRect();
  return [...node.querySelectorAll('.line, .name')].some(text => text.getBoundingClientRect().right > card.right);
}).length
"""


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Makes a document a file that can be opened."""

    def write(document: str) -> Path:
        file = tmp_path / "tree.html"
        file.write_text(document)
        return file

    return write


def colours(png: bytes) -> int:
    """Different bytes of a picture: few where nothing is drawn."""
    at, data = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    return len(set(zlib.decompress(data)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_search_of_two_hundred_nodes_is_drawn(browser: Page, written: Written, scheme: str) -> None:
    await browser.like(scheme)
    await browser.open(written(page(searched(200))))

    assert await browser.run("document.querySelectorAll('.node').length") == 200
    assert not await browser.run(OVERLAPS)
    paper = await browser.run("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(246, 247, 249)", "dark": "rgb(15, 20, 27)"}[scheme]
    assert colours(await browser.photograph()) > 100
    assert browser.complaints == []


async def test_texts_stay_within_their_cards(browser: Page, written: Written) -> None:
    await browser.open(written(page(searched(60))))

    assert await browser.run(TOO_LONG) == 0


async def test_the_winner_is_told_first_and_another_on_a_click(browser: Page, written: Written) -> None:
    view = searched(31)
    await browser.open(written(page(view)))
    assert view.job.snapshot is not None
    winner = next(each for each in view.nodes if each.node_id == view.job.snapshot.winner_node_id)
    assert f"Node {winner.round}\nscored · ★ winner" in await browser.text(".facts")

    await browser.click("[data-node='4'] .card")

    told = await browser.text(".facts")
    assert await browser.run(CHOSEN) == "4"
    assert await browser.run("location.hash") == "#node-4"
    assert told.startswith(f"{view.nodes[4].reward:.2f}\nNode 4\n")
    assert view.nodes[4].modification is not None
    assert view.nodes[4].modification in told
    assert "drawn among 3 nodes, by the number" in told


async def test_a_node_under_the_mouse_says_what_was_changed(browser: Page, written: Written) -> None:
    view = searched(12)
    await browser.open(written(page(view)))
    assert await browser.run("document.querySelector('.tip').hidden")

    await browser.move("[data-node='5'] .card")

    assert view.nodes[5].modification is not None
    assert view.nodes[5].modification in await browser.text(".tip")


async def test_a_link_opens_a_node_and_arrows_walk_the_tree(browser: Page, written: Written) -> None:
    await browser.open(written(page(tree(node(0), node(1, 0), node(2, 0), node(3, 2)))), "#node-1")
    assert await browser.run(CHOSEN) == "1"

    walked = []
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"):
        await browser.key(key)
        walked.append(await browser.run(CHOSEN))
    assert walked == ["2", "3", "3", "2", "0"]


async def test_it_is_zoomed_and_moved(browser: Page, written: Written) -> None:
    await browser.open(written(page(searched(31))))
    whole = await browser.run(SEEN)

    await browser.click("[data-zoom='in']")
    closer = await browser.run(SEEN)
    assert float(closer.split()[2]) < float(whole.split()[2])

    await browser.mouse("mousePressed", 30, 300, button="left", clickCount=1)
    await browser.mouse("mouseMoved", 130, 300, button="left", buttons=1)
    await browser.mouse("mouseReleased", 130, 300, button="left")
    moved = await browser.run(SEEN)
    assert float(moved.split()[0]) < float(closer.split()[0])
    assert moved.split()[1:] == closer.split()[1:]

    await browser.key("0")
    assert await browser.run(SEEN) == whole


async def test_what_models_wrote_never_runs(browser: Page, written: Written) -> None:
    told: dict[str, Any] = {"modification": ATTACK, "error": ATTACK, "feedback": ATTACK, "suggestions": (ATTACK,)}
    drawn = {ATTACK: 0.5, node_id(0): 0.5}
    view = tree(node(0, **told), node(1, 0, parent_probabilities=drawn, **told), name=ATTACK)
    await browser.open(written(page(view)))
    await browser.click("[data-node='1'] .card")

    assert await browser.run("document.title") == f"{ATTACK}: the search of job job-1"
    assert await browser.run("document.images.length") == 0
    assert (await browser.text(".facts")).count(ATTACK) == 5
    assert browser.complaints == []


async def test_its_policy_stops_a_script_that_is_not_its_own(browser: Page, written: Written) -> None:
    broken = page(searched(3)).replace("<header>", "<header><script>document.title='taken'</script>", 1)

    await browser.open(written(broken))

    assert await browser.run("document.title") == "fractions: the search of job job-1"
    assert "Content Security Policy" in "".join(browser.complaints)


async def test_the_svg_is_a_picture_by_itself(browser: Page, written: Written) -> None:
    drawn = base64.b64encode(svg(searched(31)).encode()).decode()
    ready = "document.documentElement.dataset.ready = 'yes'"

    await browser.open(written(f'<html><img src="data:image/svg+xml;base64,{drawn}" onload="{ready}"></html>'))

    assert await browser.run("document.images[0].naturalWidth") > 500
    assert colours(await browser.photograph()) > 100
