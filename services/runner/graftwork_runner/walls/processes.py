"""What the kernel says of running processes, read from /proc."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


@dataclass(frozen=True)
class Process:
    """What one process is and may do. ``mounts``: mount point -> options. ``descriptors``: open ones."""

    pid: int
    uids: frozenset[int]
    capabilities: int
    no_new_privileges: bool
    filtered: bool
    namespaces: dict[str, str]
    environment: tuple[str, ...]
    descriptors: frozenset[int]
    mounts: dict[str, frozenset[str]]
    limits: dict[str, str]


def read_process(pid: int) -> Process:
    """Read it. Raises ``OSError`` if it is gone, or if this process may not look."""
    home = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (home / "status").read_text().splitlines() if ":\t" in line)
    return Process(
        pid=pid,
        uids=frozenset(map(int, status["Uid"].split())),
        capabilities=sum(int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")),
        no_new_privileges=status["NoNewPrivs"] == "1",
        filtered=status["Seccomp"] == "2",
        namespaces={name: str((home / "ns" / name).readlink()) for name in _NAMESPACES},
        environment=tuple(filter(None, (home / "environ").read_bytes().decode(errors="replace").split("\0"))),
        descriptors=frozenset(int(entry.name) for entry in (home / "fd").iterdir()),
        mounts=dict(_mount(line) for line in (home / "mountinfo").read_text().splitlines()),
        limits=dict(_limit(line) for line in (home / "limits").read_text().splitlines()[1:]),
    )


def children_of(pid: int) -> list[int]:
    """Processes that ``pid`` started and that still are; none if it is gone."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in list(Path(f"/proc/{pid}/task").iterdir()):
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end while others are looked at
                found += map(int, (thread / "children").read_text().split())
    return found


def arguments_of(pid: int) -> list[str]:
    """Its command line; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def innermost(pid: int) -> int:
    """Last of a chain of launchers: the descendant that has no children."""
    while children := children_of(pid):
        pid = children[-1]
    return pid


def _mount(line: str) -> tuple[str, frozenset[str]]:
    fields = line.split()
    return fields[4], frozenset(fields[5].split(","))


def _limit(line: str) -> tuple[str, str]:
    """Name and soft limit; the columns stand at fixed places."""
    return line[:26].strip(), line[26:47].strip()
