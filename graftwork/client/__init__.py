"""Python SDK: a typed client of the gateway's REST API; ``docs/sdk.md`` shows it at work.

::

    with Graftwork("http://127.0.0.1:8765", api_key) as graftwork:
        job = graftwork.submit(JobSpec(task="Write arithmetic word problems ...", count=100))
        for event in graftwork.watch(job.id):
            print(event.message)
"""

from graftwork.client.aio import AsyncGraftwork
from graftwork.client.errors import ApiError
from graftwork.client.errors import ClientError
from graftwork.client.errors import Conflict
from graftwork.client.errors import DamagedFile
from graftwork.client.errors import Invalid
from graftwork.client.errors import MissingPackage
from graftwork.client.errors import NoAddress
from graftwork.client.errors import NotFound
from graftwork.client.errors import ServerFailed
from graftwork.client.errors import TooMany
from graftwork.client.errors import Unauthorized
from graftwork.client.errors import Unreachable
from graftwork.client.sync import Graftwork
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import JobEvent

__all__ = [
    "ApiError",
    "AsyncGraftwork",
    "ClientError",
    "Conflict",
    "DamagedFile",
    "Graftwork",
    "Invalid",
    "JobEvent",
    "JobSpec",
    "MissingPackage",
    "NoAddress",
    "NotFound",
    "ServerFailed",
    "TooMany",
    "Unauthorized",
    "Unreachable",
]
