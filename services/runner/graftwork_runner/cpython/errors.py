"""How a worker can be lost. Neither is an error of the task: both end as the fault of a session.

Exception
  x WorkerLost                it ended, or was ended because it took too long
  x ProtocolBroken            it said what no worker of ours says
"""

from graftwork_runner.faults import Fault


class WorkerLost(Exception):
    """The worker ended before its work did. ``fault``: what that means for its seeds."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class ProtocolBroken(Exception):
    """The worker said what no worker of ours says."""
