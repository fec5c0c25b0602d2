"""Published datasets."""

from typing import Annotated

from fastapi import Path
from fastapi import Query
from fastapi import Response
from fastapi import status

from graftwork.contracts.rest import DatasetList
from graftwork.contracts.rest import DatasetView
from graftwork_gateway import deletion
from graftwork_gateway.cursors import Cursor
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.downloads import all_files
from graftwork_gateway.downloads import one_file
from graftwork_gateway.responses import Streamed
from graftwork_gateway.routes.jobs import After
from graftwork_gateway.routes.jobs import Limit
from graftwork_gateway.routing import api_router
from graftwork_gateway.routing import problems
from graftwork_gateway.views import dataset_view

router = api_router("datasets")

DatasetId = Annotated[str, Path(description="`dataset_id` of a job")]
FilePath = Annotated[str | None, Query(description="one file of the dataset; without it, a zip of all")]
_BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.get("/datasets", summary="List datasets")
async def list_datasets(door: Ports, tenant: Tenant, cursor: After = None, limit: Limit = 20) -> DatasetList:
    """Newest first."""
    after = None if cursor is None else Cursor.read(cursor)
    rows, next_cursor = await door.store.datasets(tenant, after, limit)
    return DatasetList(items=tuple(dataset_view(row.summary) for row in rows), next_cursor=next_cursor)


@router.get("/datasets/{dataset_id}", summary="Show a dataset", responses=problems(404))
async def show_dataset(dataset_id: DatasetId, door: Ports, tenant: Tenant) -> DatasetView:
    """Rows, counts that add up, and the files with their digests."""
    return dataset_view((await door.store.dataset(tenant, dataset_id)).summary)


@router.delete(
    "/datasets/{dataset_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a dataset",
    responses=problems(404),
)
async def delete_dataset(dataset_id: DatasetId, door: Ports, tenant: Tenant) -> None:
    """Delete the files of a dataset; its job stays. There is no way back."""
    await door.ledger.transaction(lambda tx: deletion.delete_dataset(tx, tenant, dataset_id))


@router.get(
    "/datasets/{dataset_id}/download",
    summary="Download a dataset",
    response_class=Response,
    responses={
        200: {
            "description": "Length in `Content-Length`, digest in `ETag`",
            "content": {"application/zip": _BINARY, "application/octet-stream": _BINARY},
        },
        **problems(404, 410),
    },
)
async def download_dataset(dataset_id: DatasetId, door: Ports, tenant: Tenant, path: FilePath = None) -> Response:
    """All files as a zip, or one of them as it is."""
    dataset = (await door.store.dataset(tenant, dataset_id)).summary
    found = await (all_files(door.blobs, dataset) if path is None else one_file(door.blobs, dataset, path))
    return Streamed(
        found.content,
        send_seconds=door.settings.stream_send_seconds,
        media_type=found.media_type,
        headers=found.headers,
    )
