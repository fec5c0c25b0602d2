"""A directory that goes away with this process, even if that is killed."""

import os
import tempfile
from pathlib import Path
from subprocess import PIPE
from subprocess import Popen

from graftwork_runner.walls.tools import tool

_REMOVE_AT_THE_END = """
read -r _
rm -rf -- "$1" 2>/dev/null && exit
chmod -R u+rwX -- "$1"
exec rm -rf -- "$1"
"""
"""Copies may be of read-only directories, which only root can empty as they are. And root needs no ``chmod``, which it
would do among files that are not all its own."""


class PrivateDirectory:
    """Others may pass through and read, but not write. A small process waits to remove it when this one ends."""

    def __init__(self, name: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"graftwork-{name}-"))
        self.path.chmod(0o755)
        # in a session of its own, so that no signal meant for us and our children reaches it
        self._janitor = Popen(  # noqa: S603 (our own command)
            [tool("sh"), "-c", _REMOVE_AT_THE_END, "sh", str(self.path)],
            stdin=PIPE,
            cwd="/",
            env={"PATH": os.defpath},
            start_new_session=True,
        )

    def give(self, name: str, uid: int) -> Path:
        """Make a directory in it that belongs to this user."""
        path = self.path / name
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, uid, uid)
        return path

    def close(self) -> None:
        """Remove it."""
        self._janitor.communicate()
