"""Attempts that are harmless, made by a plain program: what only walls refuse, gets through here."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence

from tests.support.canaries import Canaries
from tests.support.probes import Probe

_PROGRAM = """
import asyncio, json, os, sys
order = json.load(sys.stdin)
SEED = order["seed"]
SECRET = os.environ[SEED["variable"]]
KEPT = {"secret": SECRET}

def attempted(source):
    scope = {"__builtins__": __builtins__}
    try:
        exec(source, scope)
        return bool(asyncio.run(scope["attempt"](None, dict(SEED))))
    except BaseException as error:
        return repr(error)

def emptied(place):
    names = os.listdir(place)
    for name in names:
        os.unlink(os.path.join(place, name))
    return bool(names)

def in_a_child(source):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(attempted(source)).encode())
        sys.exit()
    os.close(writing)
    with open(reading) as told:
        got = json.load(told)
    os.wait()
    return True if emptied(SEED["drop"]) else got

told = [in_a_child(source) for source in order["sources"]]
print(json.dumps(told))
"""


async def through_as_plain_programs(probes: Sequence[Probe], canaries: Canaries) -> dict[str, bool | str]:
    """Probe -> whether it got through, or how it failed. Run nothing here that is not marked ``control``."""
    assert all(probe.control for probe in probes)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _PROGRAM, stdin=PIPE, stdout=PIPE)
    order = json.dumps({"seed": canaries.seed, "sources": [probe.source for probe in probes]})
    said, _ = await process.communicate(order.encode())
    return dict(zip([probe.name for probe in probes], json.loads(said.splitlines()[-1]), strict=True))
