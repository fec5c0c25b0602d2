"""The whole list."""

from tests.security.probes import files_places
from tests.security.probes import files_proc
from tests.security.probes import files_writing
from tests.security.probes import kernel
from tests.security.probes import network
from tests.security.probes import outputs
from tests.security.probes import python_frames
from tests.security.probes import python_modules
from tests.security.probes import python_reach
from tests.security.probes import python_start
from tests.security.probes import python_text
from tests.security.probes import resources
from tests.security.probes import rewards

LINES = tuple(
    module.LINE
    for module in (
        python_reach,
        python_frames,
        python_text,
        python_modules,
        python_start,
        rewards,
        files_proc,
        files_places,
        files_writing,
        network,
        kernel,
        resources,
        outputs,
    )
)
