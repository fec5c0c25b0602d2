"""``python -m tests.security.as_user PLACE``: which attempts get through for whoever runs this, as JSON."""

import asyncio
import json
import sys
from typing import cast
from typing import get_args

from tests.security.probes import files_places
from tests.security.probes import files_proc
from tests.security.probes import files_writing
from tests.security.probes import kernel
from tests.security.probes import network
from tests.security.probes import python_reach
from tests.support.canaries import planted
from tests.support.escapes import on_trial
from tests.support.probes import THROUGH
from tests.support.probes import Place

_SUBJECTS = (python_reach, files_proc, files_places, files_writing, network, kernel)


async def got_through(place: Place) -> dict[str, object]:
    """Number of attempts, and those that got through."""
    told: dict[str, str] = {}
    for subject in _SUBJECTS:
        async with planted() as canaries, on_trial(place, canaries) as trial:
            told |= {
                f"{subject.LINE.title}: {name}": word for name, word in (await trial.verdicts(subject.LINE)).items()
            }
    return {"attempts": len(told), "through": [name for name, word in told.items() if word.startswith(THROUGH)]}


if __name__ == "__main__":
    assert sys.argv[1] in get_args(Place)
    sys.stdout.write(json.dumps(asyncio.run(got_through(cast("Place", sys.argv[1])))))
