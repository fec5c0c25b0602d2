"""Becomes the given command, in such a way that the command never outlives the process that asked for it.

Run by path as ``python -I -S exec_shim.py PARENT_PID COMMAND...``: isolated and without site-packages, it
costs 15 ms. On Linux the kernel is asked to kill this process when its parent dies, and exec keeps that
promise. Elsewhere the shim stays as a watcher beside the command.
"""

import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

PR_SET_PDEATHSIG = 1
WATCH_INTERVAL_SECONDS = 0.2
CANNOT_EXECUTE = 126


def main(parent_pid: int, command: list[str]) -> int:
    """Run ``command``; return only where exec could not keep watch for us."""
    # Python ignores these for itself, and ignored signals stay ignored through exec.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        if sys.platform != "linux":
            return watch(parent_pid, command)
        become(parent_pid, command)
    except OSError as error:
        print(f"error: cannot execute {command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 (the log)
    return CANNOT_EXECUTE


def become(parent_pid: int, command: list[str]) -> None:
    """Replace this process by the command; the kernel kills it when the parent dies."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")
    if os.getppid() == parent_pid:  # else it died before prctl, and no signal will come
        os.execvp(command[0], command)  # noqa: S606 (no shell: that is the point)


def watch(parent_pid: int, command: list[str]) -> int:
    """Run the command as a child; kill the whole group once the parent has gone."""
    early: list[int] = []  # asked to stop before there is a handle of the child, we would leave it behind
    signal.signal(signal.SIGTERM, lambda signum, _frame: early.append(signum))
    with subprocess.Popen(command) as child:  # noqa: S603 (our caller's own command)

        def forward(signum: int, _frame: FrameType | None) -> None:
            child.send_signal(signum)

        signal.signal(signal.SIGTERM, forward)
        for signum in early:
            child.send_signal(signum)
        while os.getppid() == parent_pid:
            try:
                return child.wait(WATCH_INTERVAL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        os.killpg(0, signal.SIGKILL)
    return CANNOT_EXECUTE


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
