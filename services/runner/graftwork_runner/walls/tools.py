"""Programs of the operating system that walls are built from."""

import shutil

from graftwork_runner.errors import WallDown


def tool(name: str) -> str:
    """Absolute path of a program. Raises ``WallDown`` if the machine has none."""
    found = shutil.which(name)
    if found is None:
        raise WallDown(f"this machine has no `{name}`")
    return found
