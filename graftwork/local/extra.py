"""Whether the optional packages are there, asked before anything that needs them is imported."""

import importlib.util
from collections.abc import Sequence

from graftwork.local.errors import BinaryMissing

REQUIRED = ("aiokafka", "motor", "platformdirs", "pydantic_settings")


def require_extra(modules: Sequence[str] = REQUIRED) -> None:
    """Check that ``graftwork[local]`` is installed; ``graftwork.local.platform`` cannot be imported without it.

    Raises:
        BinaryMissing: it is not.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise BinaryMissing(f"What starts servers here ({', '.join(missing)})", remedy="pip install 'graftwork[local]'")
