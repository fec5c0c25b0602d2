"""``python -m tests.security.table``: make every attempt and write ``docs/escape-attempts.md`` anew.

The tests hold the page to what they see, so it says what was seen and no more.
"""

import asyncio
import sys
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path

from tests.security.probes.all_lines import LINES
from tests.support.canaries import planted
from tests.support.escapes import on_trial
from tests.support.probes import PLACES
from tests.support.probes import Line
from tests.support.probes import Place

PAGE = Path(__file__).parents[2] / "docs" / "escape-attempts.md"
_HEADS: Mapping[Place, str] = {
    "monty": "monty",
    "bubblewrap": "cpython, bubblewrap",
    "gvisor": "cpython, gvisor",
    "bubblewrap alone": "bubblewrap alone",
    "gvisor alone": "gvisor alone",
}
_INTRODUCTION = """\
# Attempts at escape

What a hostile workflow could try, and what becomes of it; [security.md](security.md) says what that means. Made by
`python -m tests.security.table`, and held to what happens by `tests/security`.

**Columns**: the runtime `monty` behind the strongest wall of the machine; the runtime `cpython` behind each wall; and,
where our interpreter refuses because it lacks `ctypes`, one that has it, so that the wall stands alone.

**Words**: the name of an exception, or of a rule of the type checker, that the attempt ended with; the reason why its
record is no sample; `nothing there`: it went through its motions and found nothing; `ended`: its session was over, for
time, memory or its own doing; `in the guest`: it had its way with gVisor's guest, which has no files of the host, no
network and no neighbours, and is gone with the session.
"""


def told_in(page: str, line: Line, place: Place) -> dict[str, str]:
    """What the page says of a line's probes there: probe -> word."""
    section = page.partition(f"\n## {line.title}\n")[2].partition("\n## ")[0]
    rows = [_cells(row) for row in section.splitlines() if row.startswith("| ")]
    if not rows:
        return {}
    head, *body = rows
    column = head.index(_HEADS[place]) if _HEADS[place] in head else None
    told = {} if column is None else {row[0].strip("`"): row[column] for row in body}
    return {name: word for name, word in told.items() if word}


def table(line: Line, seen: Mapping[Place, Mapping[str, str]]) -> str:
    """The page's part for a line."""
    places = [place for place in PLACES if seen.get(place)]
    rows = [
        ["attempt", *(_HEADS[place] for place in places)],
        *([f"`{probe.name}`", *(seen[place].get(probe.name, "") for place in places)] for probe in line.probes),
    ]
    drawn = [f"| {' | '.join(row)} |" for row in rows]
    drawn.insert(1, f"|{'---|' * (len(places) + 1)}")
    return "\n".join([f"## {line.title}", *drawn, ""])


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


async def _seen(place: Place) -> dict[str, dict[str, str]]:
    seen = {}
    for line in LINES:
        async with planted() as canaries, on_trial(place, canaries) as trial:
            seen[line.title] = await trial.verdicts(line)
    return seen


async def _page(places: Iterable[Place]) -> str:
    by_place = {place: await _seen(place) for place in places}
    parts = [table(line, {place: seen[line.title] for place, seen in by_place.items()}) for line in LINES]
    return "\n".join([_INTRODUCTION, *parts])


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(_page(PLACES)))
    sys.exit(0)
