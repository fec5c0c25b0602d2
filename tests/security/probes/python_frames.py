"""Ways up the stack: whoever calls a workflow should have nothing in its frames that is worth taking."""

from tests.support.probes import Line
from tests.support.probes import Probe

HUNT = """
def hunt(frame):
    found = []
    while frame is not None:
        for names in (frame.f_globals, frame.f_locals):
            texts = [value for value in list(names.values()) if type(value) is str]
            found += [text for text in texts if text.startswith(seed["mark"]) and text != seed["mark"]]
        frame = frame.f_back
    return found
"""
GRASP = """
def grasp(things):
    return [v for t in things if type(t) is dict for v in list(t.values())
            if type(v) is str and v.startswith(seed["mark"]) and v != seed["mark"]]
"""


def up(name: str, body: str, *, alone: bool = False) -> Probe:
    """``body`` returns what ``hunt`` finds from some frame on."""
    return Probe(name, HUNT + body, control=True, alone=alone)


LINE = Line(
    "Python: frames and the garbage collector",
    (
        up(
            "traceback",
            """try:
    1 / 0
except ZeroDivisionError as error:
    return hunt(error.__traceback__.tb_frame.f_back)""",
        ),
        up(
            "except*",
            """try:
    raise ExceptionGroup('', [ValueError()])
except* ValueError as group:
    found = hunt(group.__traceback__.tb_frame)
return found""",
        ),
        up(
            "gi_frame",
            """def numbers():
    yield hunt(maker.gi_frame)
maker = numbers()
return next(maker)""",
        ),
        up(
            "cr_frame",
            """async def look():
    return hunt(looking.cr_frame)
looking = look()
return await looking""",
        ),
        up(
            "ag_frame",
            """async def look():
    yield hunt(looking.ag_frame)
looking = look()
return [x async for found in looking for x in found]""",
        ),
        up(
            "sys._getframe",
            """import sys
return hunt(sys._getframe())""",
        ),
        up(
            "inspect.stack",
            """import inspect
return [x for frame in inspect.stack(0) for x in hunt(frame.frame)]""",
        ),
        up(
            "sys._current_frames",
            """import sys
return [x for frame in sys._current_frames().values() for x in hunt(frame)]""",
        ),
        up(
            "sys.settrace",
            """import sys
seen = []
def tell(frame, *_):
    seen.append(frame)
sys.settrace(tell)
(lambda: 0)()
sys.settrace(None)
return hunt(seen[0])""",
            alone=True,
        ),
        up(
            "sys.setprofile",
            """import sys
seen = []
sys.setprofile(lambda frame, *_: seen.append(frame))
(lambda: 0)()
sys.setprofile(None)
return hunt(seen[0])""",
            alone=True,
        ),
        Probe(
            "gc.get_objects",
            GRASP
            + """import gc
return grasp(gc.get_objects())""",
            control=True,
        ),
        Probe(
            "gc.get_referrers",
            GRASP
            + """import gc, sys
return grasp(gc.get_referrers(sys.modules['sys'], sys.modules, len, 'a'))""",
            control=True,
        ),
        Probe(
            "modules that are loaded",
            """import sys
ours = {'grader', 'graftwork', 'graftwork_runner', 'graftwork_evaluator', 'pydantic'}
return [n for n in sys.modules if n.split('.')[0] in ours]""",
        ),
        Probe(
            "globals of the module",
            "return [n for n in globals() if n not in dir(__builtins__) and 'graft' in n.lower()]",
        ),
        Probe(
            "audit hooks",
            """import sys
sys.addaudithook(lambda *_: None)
return open(seed['file']).read()""",
            control=True,
        ),
    ),
)
