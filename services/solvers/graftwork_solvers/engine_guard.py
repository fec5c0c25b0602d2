"""Runs the engine, and leaves nothing of it behind: no process outlives this one, and this one not the pod.

Run by path as ``python -I -S engine_guard.py DIRECTORY COMMAND...``, with a pipe as standard input that the pod holds
open: isolated and without site-packages, it costs 15 ms and a few MiB. An engine is a family of processes (vLLM: the
server, its core, a worker per GPU), of which a kill strikes one. When the pod closes the pipe, or dies, which closes it
too, or when the first of the family ends, every one that is left is killed, those that left the process group included:
on Linux orphans come to the guard, wherever they were born. ``DIRECTORY``, where the engine's sockets lie, is the pod's
to remove, and the guard's where the pod is no more.

SIGTERM goes on to the first of the family alone: an engine tells its own children, in its own order. The exit status is
the command's; 128 + n for one that signal n ended, and 127 for one that cannot be executed.
"""

import ctypes
import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

PR_SET_CHILD_SUBREAPER = 36
CANNOT_EXECUTE = 127
KILLED = 128
_PIPE_FROM_POD = 0
_PAUSE_SECONDS = 0.02


def main(directory: str, command: list[str]) -> int:
    """Run ``command`` until it ends or the pod lets go."""
    pod = os.getppid()
    adopt_orphans()
    woken = wake_up_fd()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until there is somebody to pass it on to
    first = start(command)
    signal.signal(signal.SIGTERM, lambda signum, _frame: tell(first, signum))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    status = guard(first, woken)
    left = end_all()
    if os.getppid() != pod:
        shutil.rmtree(directory, ignore_errors=True)
    return exit_code(left.get(first, 0) if status is None else status)


def adopt_orphans() -> None:
    """Become the parent of whatever descendant loses its own."""
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def wake_up_fd() -> int:
    """Readable after every signal: a select would sleep on over a child's death otherwise."""
    readable, writable = os.pipe()
    for end in (readable, writable):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
    return readable


def start(command: list[str]) -> int:
    """Start the command in our process group, without our standard input. Return its id."""
    pid = os.fork()
    if pid == 0:
        become(command)
    return pid


def become(command: list[str]) -> NoReturn:
    """Replace this process by the command. Python ignores some signals, and ignored ones stay so through exec."""
    signal.set_wakeup_fd(-1)
    for changed in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(changed, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), _PIPE_FROM_POD)
        os.execvp(command[0], command)  # noqa: S606 - no shell: that is the point
    except OSError as error:
        os.write(2, f"error: cannot execute {command[0]}: {error.strerror}\n".encode())
    os._exit(CANNOT_EXECUTE)


def tell(pid: int, signum: int) -> None:
    """Pass a signal on, if there is still somebody to hear it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signum)


def guard(first: int, woken: int) -> int | None:
    """Wait until ``first`` has ended, and return its wait status; None where the pod let go before."""
    while True:
        readable, _, _ = select.select([_PIPE_FROM_POD, woken], [], [])
        ended = reaped()
        if first in ended:
            return ended[first]
        if woken in readable:
            os.read(woken, 4096)
        if _PIPE_FROM_POD in readable and not os.read(_PIPE_FROM_POD, 1):
            return None


def reaped() -> dict[int, int]:
    """Children that have ended since the last look, with their wait statuses."""
    ended: dict[int, int] = {}
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = found[1]
    return ended


def end_all() -> dict[int, int]:
    """Kill every descendant, those that come to us as their parents die as well, and wait for them."""
    ended = reaped()
    while alive := children():
        for pid in alive:
            tell(pid, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)
        ended |= reaped()
    return ended


def children() -> list[int]:
    """Ids of our children that have not been waited for."""
    if sys.platform != "linux":
        return _group_if_any()
    everybody = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in everybody if parent_of(pid) == os.getpid()]


def parent_of(pid: int) -> int | None:
    """Id of the parent of a process; None where it has gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        # The name, which may hold anything, stands in brackets before the state and the parent.
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    return None


def _group_if_any() -> list[int]:
    """Elsewhere the process group has to do: kill it, ourselves included, while a child is left in it."""
    with suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
        os.killpg(0, signal.SIGKILL)
    return []


def exit_code(status: int) -> int:
    """What a shell would say of a wait status."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else KILLED - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
