"""Bombs. Each is bounded, so that it would be a nuisance and no more if nothing held it."""

from tests.support.probes import Line
from tests.support.probes import Probe

WAIT = """import select
select.select([], [], [], 20)"""
CHILD = """import os, signal
def child():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import select
    select.select([], [], [], 20)
    os._exit(0)
"""


def bomb(name: str, body: str, *, guest: bool = False, control: bool = False) -> Probe:
    """It gets a session of its own."""
    return Probe(name, body, alone=True, guest=guest, control=control)


LINE = Line(
    "Resources",
    (
        bomb(
            "fork bomb",
            CHILD
            + """made = 0
for _ in range(40):
    if os.fork() == 0:
        child()
    made += 1
return made > 20""",
        ),
        bomb(
            "thread bomb",
            """import threading
stop = threading.Event()
threads = [threading.Thread(target=stop.wait, daemon=True) for _ in range(60)]
for thread in threads:
    thread.start()
return len(threads)""",
        ),
        bomb("600 MiB", "return len(bytearray(600 << 20))"),
        bomb(
            "600 MiB, mapped",
            """import mmap
return len(mmap.mmap(-1, 600 << 20))""",
        ),
        bomb(
            "a text doubled",
            """text = 'x' * 1000
while len(text) < 10**9:
    text += text
return len(text)""",
        ),
        bomb("7**10**8", "return (7 ** 10**8).bit_length()"),
        bomb(
            "a regex that backtracks",
            """import re
re.match('(a+)+$', 'a' * 60 + 'b')
return False""",
        ),
        bomb(
            "recursion",
            """def f(n):
    return f(n + 1) if n < 10**6 else 1
return f(0)""",
        ),
        bomb(
            "recursion without limit",
            """import sys
sys.setrecursionlimit(10**9)
def f(n):
    return f(n + 1) if n < 10**6 else 1
return f(0)""",
        ),
        bomb(
            "a C-level wait past SIGALRM",
            """import signal, select
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
select.select([], [], [], 20)
return True""",
        ),
        bomb(
            "SIGTERM ignored, computing on",
            """import signal
for n in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGHUP):
    signal.signal(n, signal.SIG_IGN)
while True:
    pass""",
        ),
        bomb(
            "a daemon: setsid, double fork, SIGTERM ignored",
            CHILD
            + """if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        child()
    os._exit(0)
return True""",
            guest=True,
        ),
        bomb(
            "1 GB to stdout without a newline",
            """import os
for _ in range(1024):
    os.write(1, bytes(1 << 20))
return True""",
        ),
        bomb(
            "1 GB to stderr",
            """import os
for _ in range(1024):
    os.write(2, bytes(1 << 20))
return True""",
        ),
        bomb(
            "1 GB printed",
            """for _ in range(1024):
    print('x' * (1 << 20), end='')
return True""",
        ),
        bomb(
            "1 GB to the runner",
            """import os
for _ in range(1024):
    for n in (3, 4):
        try:
            os.write(n, b'\\x00' * (1 << 20))
        except OSError:
            pass
return True""",
        ),
        bomb(
            "1 GB to the runner, as one frame",
            """import os
for _ in range(1024):
    for n in (3, 4):
        try:
            os.write(n, b'\\xff' * (1 << 20))
        except OSError:
            pass
return True""",
        ),
        bomb(
            "all descriptors",
            """import os
for _ in range(600):
    os.pipe()
return True""",
        ),
        bomb(
            "a disk filled",
            """import os
fd = os.open('/tmp/fill', os.O_CREAT | os.O_WRONLY)
while os.lseek(fd, 0, 1) < 256 << 20:
    os.write(fd, bytes(1 << 20))
return True""",
        ),
        bomb(
            "shared memory filled",
            """import os
fd = os.open('/dev/shm/fill', os.O_CREAT | os.O_WRONLY)
while os.lseek(fd, 0, 1) < 256 << 20:
    os.write(fd, bytes(1 << 20))
return True""",
        ),
        bomb(
            "a zip bomb",
            """import zlib
press = zlib.compressobj(1)
bomb = b''.join(press.compress(bytes(1 << 20)) for _ in range(160)) + press.flush()
return len(zlib.decompress(bomb)) >> 20""",
        ),
        bomb(
            "a tar of many files",
            """import io, tarfile
box = io.BytesIO()
with tarfile.open(fileobj=box, mode='w') as made:
    for n in range(100):
        made.addfile(tarfile.TarInfo(f'f{n}'))
box.seek(0)
with tarfile.open(fileobj=box) as opened:
    opened.extractall('/tmp')
return True""",
            guest=True,
        ),
        bomb(
            "threads that compute after the result",
            """import threading
def spin():
    while True:
        pass
for _ in range(2):
    threading.Thread(target=spin, daemon=True).start()
return False""",
        ),
        bomb(
            "GPU memory",
            """import os
return [n for n in os.listdir('/dev') if n.startswith('nvidia')]""",
        ),
    ),
)
