"""What a failure of a worker, or its silence, means for the job."""

from graftwork_search import attempts
from graftwork_search import finalising
from graftwork_search import producing
from graftwork_search.documents import RequestDocument
from graftwork_search.documents import Stage
from graftwork_search.ending import fail
from graftwork_search.ending import unpublished
from graftwork_search.errors import Reason
from graftwork_search.session import JobSession

SILENT = "silent"


async def request_failed(session: JobSession, request: RequestDocument, *, code: str, message: str) -> None:
    """Dispatch by what the request was for."""
    match request.stage:
        case Stage.SEEDS:
            await fail(session, Reason.NO_SEEDS, f"{code}: {message}"[:400])
        case Stage.WORKFLOW | Stage.EVALUATION | Stage.SCORE_SAMPLE | Stage.SCORE_WORKFLOW:
            node = session.node(str(request.node_id))
            await attempts.attempt_failed(session, node, code=code, message=message)
        case Stage.FINALIST | Stage.SCORE_FINALIST:
            node = session.node(str(request.node_id))
            await finalising.settle(session, node, None, f"could not be measured again: {code}")
        case Stage.PRODUCTION:
            await producing.chunk_failed(session, int(request.chunk_first or 0), code=code)
        case Stage.ACCEPTANCE:
            await producing.acceptance_failed(session, code=code, message=message)
        case Stage.DATASET:
            await unpublished(session, f"{code}: {message}"[:400])
