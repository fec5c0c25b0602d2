"""The second wall: what stands around a sandbox worker, should code ever get out of its interpreter.

The first wall is the runtime itself. A wall of this package is the kernel's: it assumes that whatever runs behind it
is hostile machine code, and leaves it nothing to reach.
"""

from graftwork_runner.walls.choice import strongest_wall
from graftwork_runner.walls.wall import ProcessLimits
from graftwork_runner.walls.wall import Wall
from graftwork_runner.walls.wall import WallChoice

__all__ = ["ProcessLimits", "Wall", "WallChoice", "strongest_wall"]
