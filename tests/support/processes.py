"""What became of a process."""

import psutil


def assert_gone(pid: int) -> None:
    """Check that it runs no more; what is left of it may wait for its parent to notice."""
    try:
        process = psutil.Process(pid)
        assert process.status() == psutil.STATUS_ZOMBIE
        assert process.num_threads() == 1  # the first thread may be one while others still hold sockets
    except psutil.NoSuchProcess:
        return
