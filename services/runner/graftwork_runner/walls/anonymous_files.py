"""Files without a place on any disk: they are gone when this process is, however it ended."""

import os
from pathlib import Path


class AnonymousFile:
    """A file that children of this process can open, or execute if it is a script, while it is open here."""

    def __init__(self, name: str, content: bytes) -> None:
        writable = os.memfd_create(name, os.MFD_CLOEXEC)
        try:
            os.write(writable, content)
            os.fchmod(writable, 0o555)
            # what is open for writing anywhere cannot be executed
            self._descriptor = os.open(f"/proc/self/fd/{writable}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(writable)

    @property
    def path(self) -> Path:
        """Absolute path, for processes of the same user."""
        return Path(f"/proc/{os.getpid()}/fd/{self._descriptor}")

    def close(self) -> None:
        """Forget it. What has it open keeps it."""
        os.close(self._descriptor)
