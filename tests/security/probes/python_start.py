"""Files and variables that a Python reads when it starts: planted in one session, to be found by the next."""

from tests.support.probes import Line
from tests.support.probes import Probe

PLANT = """
import os, sys
planted = []
for place in [*sys.path, os.getcwd(), "/tmp", "/dev/shm", seed["drop"]]:
    for name in NAMES:
        try:
            os.close(os.open(os.path.join(place or "/", name), os.O_CREAT | os.O_WRONLY))
            planted.append(os.path.join(place, name))
        except OSError:
            pass
return planted
"""
LOOK = """
import os, sys
places = [*sys.path, os.getcwd(), "/tmp", "/dev/shm", seed["drop"]]
return [n for n in NAMES for p in places if os.path.exists(os.path.join(p or "/", n))]
"""


def planted(*names: str) -> Probe:
    """Empty files of those names, wherever they can be written."""
    found = f"""NAMES = {names}
"""
    return Probe(names[0], found + PLANT, then=found + LOOK, guest=True)


LINE = Line(
    "Python: what the next start reads",
    (
        planted("sitecustomize.py", "usercustomize.py"),
        planted("evil.pth"),
        planted("conftest.py", "pytest.ini", "pytest_plugin.py"),
        planted("json.py", "asyncio.py", "workflow.py", "_graftwork.py"),
        Probe(
            "PYTHONSTARTUP",
            """import os
os.environ.update(PYTHONSTARTUP='/tmp/x.py', PYTHONPATH='/tmp', LD_PRELOAD='/tmp/x.so')""",
            then="""import os
return [v for v in ('PYTHONSTARTUP', 'PYTHONPATH', 'LD_PRELOAD') if v in os.environ]""",
        ),
        Probe(
            "atexit",
            """import atexit
def late():
    open(seed['drop'] + '/late', 'w').close()
atexit.register(late)""",
            alone=True,
            control=True,
        ),
        Probe(
            "a finalizer",
            """class Late:
    def __del__(self):
        open(seed['drop'] + '/late', 'w').close()
seed['late'] = Late()
globals()['kept'] = seed""",
            alone=True,
        ),
        Probe(
            "modules replaced",
            """import sys, json, types
sys.modules['json'] = types.SimpleNamespace(dumps=lambda _: '{"got": 1}', loads=json.loads)
sys.changed = True""",
            alone=True,
            then="""import sys, json
return hasattr(sys, 'changed') or json.dumps(2) != '2'""",
        ),
    ),
)
