"""Whether a wall stands, judged by a program behind it while it runs.

Nothing dangerous is tried. The kernel knows what a process may do, and is asked from outside, where the process cannot
lie. A wall is believed once this has been seen on this machine, not because a tool is installed.
"""

import os
import select
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from subprocess import PIPE
from subprocess import Popen

from graftwork_runner.errors import WallDown
from graftwork_runner.readable import readable
from graftwork_runner.walls.processes import Process
from graftwork_runner.walls.processes import innermost
from graftwork_runner.walls.processes import read_process

_SAID = b"still there?\n"
_ANSWER_SECONDS = 20.0
_STANDARD = frozenset({0, 1, 2})
_SET_BY_LAUNCHERS = frozenset({"PWD=/"})
_NAMESPACES = frozenset({"ipc", "mnt", "net", "pid", "user", "uts"})


@contextmanager
def echoing(command: Sequence[str]) -> Iterator[int]:
    """Run ``command``, which copies its input to its output; gives its process id once it has done so.

    Raises ``WallDown`` if nothing comes back.
    """
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={}, cwd="/", bufsize=0) as process:  # noqa: S603
        try:
            if not _echoes(process):
                raise WallDown(_last_words(process))
            yield process.pid
        except BrokenPipeError as error:
            raise WallDown(_last_words(process)) from error
        finally:
            process.kill()


def inside_and_outside(launcher: int) -> tuple[Process, Process]:
    """The innermost process of a chain, and this process. Raises ``WallDown`` if it cannot be looked at."""
    try:
        return read_process(innermost(launcher)), read_process(os.getpid())
    except OSError as error:
        raise WallDown(f"a program behind it cannot be judged: {error}") from error


def faults_of_user(inside: Process, outside: Process) -> Iterator[str]:
    """What a process has that none behind a wall should have, whatever the wall. ``outside``: this process."""
    if 0 in inside.uids:
        yield "it runs as root"
    if not inside.no_new_privileges:
        yield "it may gain privileges"
    if not inside.filtered:
        yield "its system calls are not filtered"
    own = {name for name, identity in inside.namespaces.items() if outside.namespaces[name] != identity}
    if shared := sorted(_NAMESPACES - own):
        yield f"it shares namespaces with us: {', '.join(shared)}"
    if set(inside.environment) - _SET_BY_LAUNCHERS:
        yield "its environment is not empty"


def faults_of_room(inside: Process, limits: Mapping[str, str]) -> Iterator[str]:
    """What a process can reach that has our kernel for its own. ``limits``: by the kernel's names."""
    if inside.capabilities:
        yield "it has capabilities"
    if inside.descriptors - _STANDARD:
        yield "it has inherited descriptors"
    if writable := [point for point, options in inside.mounts.items() if "ro" not in options]:
        yield f"it may write to {', '.join(writable)}"
    if loose := [name for name, limit in limits.items() if inside.limits.get(name) != limit]:
        yield f"it is not held to its limits: {', '.join(loose)}"


def _echoes(process: Popen[bytes]) -> bool:
    if process.stdin is None or process.stdout is None:
        return False
    process.stdin.write(_SAID)
    ready, _, _ = select.select([process.stdout], [], [], _ANSWER_SECONDS)
    return bool(ready) and process.stdout.read(len(_SAID)) == _SAID


def _last_words(process: Popen[bytes]) -> str:
    process.kill()
    _, said = process.communicate()
    return readable(said.decode(errors="replace")) or "a program behind it does not answer"
