"""Every attempt of the list, in every runtime and behind every wall where it can be told apart: all are refused.

How each is refused stands in ``docs/escape-attempts.md``, and these tests hold it to what they see.
"""

import json

import pytest

from graftwork.contracts.workflows import FailureReason
from graftwork.contracts.workflows import SampleRow
from graftwork_runner.sandbox import Outcome
from graftwork_runner.walls.filter import compiled_filter
from tests.security.probes.all_lines import LINES
from tests.security.probes.kernel import CALLS
from tests.security.probes.kernel import NUMBERS
from tests.security.table import PAGE
from tests.security.table import told_in
from tests.support.bpf import ALLOWED
from tests.support.bpf import verdict as verdict_of_the_filter
from tests.support.canaries import MARK
from tests.support.canaries import planted
from tests.support.controls import through_as_plain_programs
from tests.support.escapes import on_trial
from tests.support.probes import ENDED
from tests.support.probes import IN_GUEST
from tests.support.probes import NOTHING
from tests.support.probes import PLACES
from tests.support.probes import THROUGH
from tests.support.probes import Line
from tests.support.probes import Place
from tests.support.probes import Probe
from tests.support.probes import verdict
from tests.support.walls import needs_bwrap
from tests.support.walls import needs_runsc

_NEEDS = {"bubblewrap": [needs_bwrap], "gvisor": [needs_runsc], "monty": []}
_MISTAKES = {"NameError", "UnboundLocalError", "IndentationError", "TypeError"}
EVERY_LINE = [pytest.param(line, id=line.title) for line in LINES]
EVERY_PLACE = [
    pytest.param(line, place, id=f"{line.title}, {place}", marks=_NEEDS[place.split()[0]])
    for place in PLACES
    for line in LINES
    if any(probe.tried_in(place) for probe in line.probes)
]
A_ROW = SampleRow(sample_id="s", seed_index=0, seed={})


def through(verdicts: dict[str, str]) -> dict[str, str]:
    return {name: word for name, word in verdicts.items() if word.startswith(THROUGH)}


def _as_told(seen: str, told: str) -> str:
    """Where the machine is loaded, time may be over before anything else is."""
    return told if seen == ENDED else seen


@pytest.mark.parametrize(("line", "place"), EVERY_PLACE)
async def test_every_attempt_is_refused_as_it_is_told(line: Line, place: Place) -> None:
    async with planted() as canaries, on_trial(place, canaries) as trial:
        verdicts = await trial.verdicts(line)
    assert through(verdicts) == {}
    told = told_in(PAGE.read_text(), line, place)
    assert {name: _as_told(verdicts[name], told[name]) for name in verdicts} == told


@pytest.mark.parametrize("line", EVERY_LINE)
async def test_what_is_harmless_gets_through_as_a_plain_program(line: Line) -> None:
    harmless = [probe for probe in line.probes if probe.control]
    async with planted() as canaries:
        got = await through_as_plain_programs(harmless, canaries)
    assert got == {probe.name: True for probe in harmless}


@pytest.mark.parametrize("line", EVERY_LINE)
def test_no_attempt_of_cpython_is_refused_for_a_mistake_of_its_own(line: Line) -> None:
    words = told_in(PAGE.read_text(), line, "bubblewrap") | told_in(PAGE.read_text(), line, "gvisor")
    assert {name: word for name, word in words.items() if word in _MISTAKES} == {}


@needs_bwrap
@pytest.mark.parametrize(("name", "call", "arguments"), CALLS)
def test_the_filter_knows_each_call_before_it_is_made(name: str, call: str, arguments: tuple[int, ...]) -> None:
    """Read, not called. ``setuid`` and its like are refused by it, too."""
    unsigned = [argument % 2**64 for argument in arguments]
    assert verdict_of_the_filter(compiled_filter(), NUMBERS[call], unsigned) != ALLOWED, name


SAME = """
import os, random, secrets, time, uuid
return [os.urandom(4).hex(), random.random(), secrets.token_hex(4), str(uuid.uuid4()), time.time(), hash("word")]
"""


@pytest.mark.parametrize(
    "place", [pytest.param("bubblewrap", marks=needs_bwrap), pytest.param("gvisor", marks=needs_runsc)]
)
async def test_chance_and_time_are_the_same_in_the_next_session(place: Place) -> None:
    async with planted() as canaries, on_trial(place, canaries) as trial:
        first, second = [(await trial.verdicts(Line("", (Probe("same", SAME),))))["same"] for _ in range(2)]
    assert first.startswith(THROUGH)
    assert first == second


OWN_UP = Line(
    "Attempts that get through",
    (
        Probe("always", "return True"),
        Probe("with a find", "return [seed['mark'], seed['file']]"),
        Probe("with a sample", 'return {"text": await ctx.llm("draft", topic=1)}', sample=True),
        Probe("with a secret in an error", "raise ValueError(seed['secret'])", alone=True),
        Probe("in the guest alone", "return True", guest=True),
        Probe("with nothing", "return []"),
        Probe("the second time", "return []", then="return True"),
    ),
)


@pytest.mark.parametrize("place", ["monty", pytest.param("bubblewrap", marks=needs_bwrap)])
async def test_an_attempt_that_gets_through_is_noticed(place: Place) -> None:
    async with planted() as canaries, on_trial(place, canaries) as trial:
        canaries.seed["secret"] = canaries.hatch("told")
        verdicts = await trial.verdicts(OWN_UP)
    assert verdicts.pop("with nothing") == NOTHING
    assert [*through(verdicts)] == [*verdicts]


@needs_runsc
async def test_what_a_guest_may_have_is_noticed_and_what_lasts_is_not_its_own() -> None:
    async with planted() as canaries, on_trial("gvisor", canaries) as trial:
        kept = Probe("lasting", "return True", then="return True", guest=True)
        verdicts = await trial.verdicts(Line("", (OWN_UP.probes[0], OWN_UP.probes[4], kept)))
    assert verdicts.pop("in the guest alone") == IN_GUEST
    assert [*through(verdicts)] == ["always", "lasting"]


async def test_who_came_for_a_canary_is_noticed() -> None:
    async with planted() as canaries, on_trial("monty", canaries) as trial:
        canaries.visits.append("loopback")
        assert through(await trial.verdicts(Line("", ()))) == {"somebody": f"{THROUGH}: ['loopback']"}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(0, record=json.dumps({"got": f"{MARK}7"})), f"{THROUGH}: it has ['{MARK}7']"),
        (Outcome(0, reason=FailureReason.CRASHED, detail=f"ValueError: {MARK}7"), f"{THROUGH}: it has ['{MARK}7']"),
        (
            Outcome(0, reason=FailureReason.CRASHED, detail="ValueError: \x1b[2J"),
            f"{THROUGH}: control characters in what is said of it",
        ),
        (Outcome(0, reason=FailureReason.CRASHED, detail="OSError: no"), "OSError"),
        (Outcome(0, reason=FailureReason.CRASHED, detail="the worker's process ended"), "ended"),
        (Outcome(0, reason=FailureReason.TIMED_OUT, detail="TimeoutError: late"), "ended"),
        (Outcome(0, reason=FailureReason.CRASHED, detail="w.py:1:2: error[unresolved-import] no"), "unresolved-import"),
    ],
)
def test_how_an_attempt_ended_is_told_in_a_word(outcome: Outcome, expected: str) -> None:
    assert verdict(Probe("x", ""), "monty", outcome, A_ROW, secrets=[f"{MARK}7"]) == expected
