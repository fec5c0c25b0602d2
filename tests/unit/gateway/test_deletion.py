from pathlib import Path

import pytest
from obstore.store import LocalStore
from typing_extensions import override

from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import BlobMissing
from graftwork.kit.errors import DependencyDown
from graftwork_gateway.deletion import delete_all


class Raced(Blobs):
    """Another worker deletes a listed file first, so many times."""

    times = 1

    @override
    async def delete_under(self, prefix: str) -> int:
        if self.times:
            self.times -= 1
            raise BlobMissing(f"payload {prefix}/x is not in the blob store")
        return await super().delete_under(prefix)


@pytest.fixture
def blobs(tmp_path: Path) -> Raced:
    return Raced(LocalStore(tmp_path), tmp_path.as_uri())


async def test_a_file_that_another_deleted_first_keeps_none_of_the_others(blobs: Raced) -> None:
    left = await blobs.put_bytes(b"rows", "job-1/samples")
    await delete_all(blobs, "job-1")

    with pytest.raises(BlobMissing):
        await blobs.get_bytes(left)


async def test_files_that_never_stay_are_looked_for_later(blobs: Raced) -> None:
    blobs.times = 100
    with pytest.raises(DependencyDown):
        await delete_all(blobs, "job-1")
