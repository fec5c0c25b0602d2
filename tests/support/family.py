"""Processes of a test's own, when platforms that outlive the test run below the same process."""

from collections.abc import Iterator

import psutil


def own_processes(of: psutil.Process | None = None) -> Iterator[psutil.Process]:
    """All that we started, and what they started; but no service of a platform, nor what belongs to one."""
    for child in (of or psutil.Process()).children():
        if not _is_service(child):
            yield child
            yield from _below(child)


def _below(process: psutil.Process) -> Iterator[psutil.Process]:
    try:
        yield from own_processes(process)
    except psutil.NoSuchProcess:
        return


def _is_service(process: psutil.Process) -> bool:
    try:
        return any(part.startswith("graftwork_") for part in process.cmdline())
    except psutil.Error:
        return False
