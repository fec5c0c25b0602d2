"""``-m _graftwork SECONDS``: be a worker for which it is always that many seconds after 1970."""

import os
import sys

from .sameness import foresee_chance
from .sameness import freeze_clock

freeze_clock(float(sys.argv[1]))
foresee_chance()
os.environ.clear()
sys.path.append(f"{sys.path[-1].removesuffix('/lib-dynload')}/site-packages")
del sys.argv[1:]

from .worker import main  # noqa: E402 (it imports what has to find the clock frozen)

main()
