"""Which wall stands on this machine."""

from collections.abc import Callable

from graftwork.kit.logging import get_logger
from graftwork_runner.errors import WallDown
from graftwork_runner.walls.bubblewrap import Bubblewrap
from graftwork_runner.walls.gvisor import Gvisor
from graftwork_runner.walls.refusals import refusals_told
from graftwork_runner.walls.wall import Wall
from graftwork_runner.walls.wall import WallChoice

log = get_logger(__name__)


def strongest_wall(choice: WallChoice) -> Wall | None:
    """The wall of that name, proven to stand; ``auto``: the strongest that does, or none, which is said in the log.

    Raises ``WallDown`` if a wall was asked for by name and does not stand.
    """
    if choice == "none":
        log.warning("wall.none", reason="switched off; the interpreter in its own process is the only wall")
        return None
    if choice != "auto":
        return _WALLS[choice]()
    reasons: dict[str, str] = {}
    for name, build in _WALLS.items():
        try:
            return build()
        except WallDown as error:
            reasons[name] = str(error)
    log.warning("wall.none", reason="none stands here; the interpreter in its own process is the only wall", **reasons)
    return None


def _bubblewrap() -> Wall:
    return _proven(Bubblewrap)


def _gvisor() -> Wall:
    return _proven(Gvisor)


def _proven(build: Callable[[], Bubblewrap | Gvisor]) -> Wall:
    with refusals_told():
        wall = build()
        try:
            wall.prove()
        except BaseException:
            wall.close()
            raise
        return wall


_WALLS: dict[str, Callable[[], Wall]] = {"bubblewrap": _bubblewrap, "gvisor": _gvisor}
